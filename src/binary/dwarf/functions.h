// FunctionTable: which subprogram DIE covers an address, for one unit.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "binary/dwarf/store.h"

namespace inquest::dwarf {

class FunctionTable {
 public:
  struct Entry {
    uint64_t low = 0, high = 0;
    uint64_t die = 0;  // offset
  };

  // Steps over the insides of functions and types; `deep` looks there too (nested functions, local
  // classes, and languages that define functions inside types).
  static std::unique_ptr<FunctionTable> build(Store& store, Unit& unit, bool deep);

  // The innermost function at `pc`.
  std::optional<uint64_t> find(uint64_t pc) const;
  bool is_deep() const { return deep_; }
  const std::vector<Entry>& entries() const { return entries_; }  // by low

 private:
  bool deep_ = false;
  std::vector<Entry> entries_;
  std::vector<uint64_t> reach_;  // the highest end of the entries up to here
};

// The subprogram of `unit` (or of its split unit) that covers `pc`; empty when none does.
Die function_at(Store& store, Unit& unit, uint64_t pc);

// From the function at `pc` inwards: the function, then each inlined_subroutine and lexical block
// (and try, catch, with) that covers `pc`, outermost first.
std::vector<Die> scope_chain(Store& store, const Die& function, uint64_t pc);

}  // namespace inquest::dwarf
