// The code that came with V8, by name, in a binary without symbols.
//
// V8 compiles its builtins when it is built, and keeps three things of them: their code, one after
// the other; a table of where each begins in it and how long it is; and an array of their names.
// None of them needs a symbol to be found: each is known by its shape, and they must fit each
// other. Source: src/snapshot/embedded/embedded-data.h and src/builtins/builtins.cc of V8.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "binary/elf/file.h"

namespace inquest::process::v8 {

struct Extent {
  uint32_t offset = 0, size = 0;  // bytes; from the start of all builtins
};

class Builtins {
 public:
  // The names are views of `binary`, which must stay.
  static Result<Builtins> find(const elf::File& binary);

  // "InterpreterEntryTrampoline"; empty when none of them lies at this link-time address.
  std::string_view name_at(uint64_t address) const;
  size_t count() const { return names_.size(); }

 private:
  uint64_t code_ = 0;  // where they begin
  std::vector<Extent> extents_;
  std::vector<std::string_view> names_;
};

// The parts, each by itself. The table of extents: empty when none is in `bytes`.
std::vector<Extent> find_extents(ByteView bytes);
// Where in `text` code of these extents begins: what is between them is filled with int3.
std::vector<uint64_t> find_code(ByteView text, const std::vector<Extent>& extents);

}  // namespace inquest::process::v8
