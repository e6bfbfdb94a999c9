// UnitIndex: which unit covers an address. From .debug_aranges where it says, else from the units'
// own ranges.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <unordered_set>
#include <vector>

#include "binary/dwarf/store.h"

namespace inquest::dwarf {

class UnitIndex {
 public:
  explicit UnitIndex(Store& store) : store_(store) {}

  // Looks all of them up in one pass.
  void prepare(std::span<const uint64_t> pcs);
  Unit* find(uint64_t pc);

 private:
  void search_aranges(std::vector<uint64_t>& pcs);  // sorted; those that are found are taken out
  void read_unit_ranges();

  struct Entry {
    uint64_t low = 0, high = 0;
    Unit* unit = nullptr;
  };
  Store& store_;
  std::map<uint64_t, Unit*> answers_;
  std::unordered_set<uint64_t> in_aranges_;  // offsets of units that aranges speak of
  bool aranges_read_ = false;
  bool units_read_ = false;
  std::vector<Entry> by_unit_;  // of units without aranges, by low
  std::vector<uint64_t> reach_;
};

}  // namespace inquest::dwarf
