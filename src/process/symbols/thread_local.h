// Where the thread-local variables of a module are, for one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "process/symbols/evidence.h"

namespace inquest::process {

struct ThreadLocalBlock {
  std::optional<uint64_t> start;  // of the module's PT_TLS contents in this thread
  std::string why_not;            // when there is none
};

// The executable's block lies beside the thread pointer, as the ELF TLS ABI says. For a library,
// what the dynamic linker wrote into its global offset table tells its module number, or its fixed
// distance from the thread pointer; the number leads through the thread's vector of blocks (glibc,
// musl). What does not fit together is refused.
ThreadLocalBlock thread_local_block(const Evidence& evidence, const Module& module,
                                    uint64_t thread_pointer);

}  // namespace inquest::process
