// A Rust panic read from memory: the Location that the compiler put behind the panicking code, and
// the message.
#pragma once

#include <optional>
#include <string>

#include "base/address.h"
#include "diagnosis/facts/facts.h"
#include "process/image/process_image.h"
#include "process/modules/modules.h"
#include "process/symbols/symbols.h"
#include "process/unwind/frame.h"

namespace inquest::diagnosis {

struct PanicLocation {
  std::string file;
  uint32_t line = 0, column = 0;
};

// core::panic::Location at `address`: {text pointer, length, line, column}. nullopt when it does
// not read as one.
std::optional<PanicLocation> read_panic_location(const process::MemoryReader& memory,
                                                 Address address);

struct Panic {
  std::optional<PanicLocation> location;
  Address location_address;
  std::string message;  // empty when not recovered
  Address message_address;
};

// `frames` are those of `stack`. Looks for the innermost call into the panic machinery from `from`
// on.
std::optional<Panic> find_panic(const process::ProcessImage& image,
                                const process::ModuleSet& modules, process::Symbolizer& symbols,
                                const process::Stack& stack, const StackFacts& frames, size_t from);

// The same without any names: what the stack words of a stripped program that called abort() say.
// nullopt when none of them leads to a location in Rust code.
std::optional<Panic> find_unnamed_panic(const process::ProcessImage& image,
                                        const process::MemoryReader& memory, AddressRange words);

// Is this function part of Rust's panic machinery?
bool is_panic_function(std::string_view short_name);

}  // namespace inquest::diagnosis
