// The C++ exception that nobody caught, read from the memory of the process. Works with libstdc++
// and libc++, stripped.
//
// Layout: Itanium C++ ABI, exception handling, section 2.2.1. The unwind header of a thrown object
// begins with its class, "GNUCC++\0" or "CLNGC++\0"; the type_info pointer stands 80 bytes before
// it and the object 32 bytes behind.
#pragma once

#include <optional>
#include <string>

#include "base/address.h"
#include "diagnosis/facts/facts.h"
#include "diagnosis/facts/site.h"
#include "process/image/process_image.h"

namespace inquest::diagnosis {

struct ThrownException {
  std::string type;  // "std::runtime_error"; empty when its name could not be read
  std::string what;  // what(), the text or the number that was thrown; empty when not known
  Address object;
  Address header;     // of the unwind header
  std::string found;  // where: "the thread's exception globals", "its stack", "the heap"
};

// Where to look, in this order: the thread's TLS (caughtExceptions of __cxa_eh_globals), the words
// of its stack in `stack_words`, and, when `heap` is not empty, the writable memory in it
// (bounded).
struct ExceptionSearch {
  const process::MemoryReader& memory;
  isa::Arch arch;
  std::optional<Address> thread_pointer;
  AddressRange stack_words;
  std::vector<AddressRange> heap;
};

std::optional<ThrownException> find_exception(const ExceptionSearch& search);

// The exception whose `catch` the thread was in when it crashed, as a fact; nullopt when there is
// none.
std::optional<Fact> find_handled_exception(const Site& site);

// The object behind an unwind header at `header`; nullopt when it is none.
std::optional<ThrownException> read_exception(const process::MemoryReader& memory, Address header);

// "std::runtime_error" for a type_info at `address`; empty when it is none.
std::string type_name(const process::MemoryReader& memory, Address type_info);

}  // namespace inquest::diagnosis
