#include "binary/dwarf/unit_index.h"

#include <algorithm>

#include "binary/dwarf/constants.h"

namespace inquest::dwarf {

// One pass over .debug_aranges (DWARF 5 section 6.1.2). It is neither sorted nor copied: a few
// addresses are asked for, and the section may have a million entries.
void UnitIndex::search_aranges(std::vector<uint64_t>& pcs) {
  Reader reader(store_.aranges().whole());
  while (!reader.at_end() && reader.ok() && !pcs.empty()) {
    unsigned offset_size = 4;
    uint64_t length = reader.u32();
    if (length == 0xffffffff) length = reader.u64(), offset_size = 8;
    const uint8_t* set_start = reader.position() - (offset_size == 8 ? 12 : 4);
    Reader set(reader.bytes(length));
    set.u16();  // version
    const uint64_t unit_offset = set.sized(offset_size);
    const uint8_t address_size = set.u8();
    const uint8_t segment_size = set.u8();
    if (!set.ok() || segment_size != 0 || (address_size != 8 && address_size != 4)) continue;
    const uint64_t tuple = 2u * address_size;
    const auto header = static_cast<uint64_t>(set.position() - set_start);
    set.skip((tuple - header % tuple) % tuple);
    if (!aranges_read_) in_aranges_.insert(unit_offset);
    while (set.remaining() >= tuple) {
      const uint64_t low = set.sized(address_size);
      const uint64_t size = set.sized(address_size);
      if (low == 0) continue;  // the terminator, or dropped code
      const auto first = std::lower_bound(pcs.begin(), pcs.end(), low);
      if (first == pcs.end() || *first - low >= size) continue;
      const auto last = std::lower_bound(first, pcs.end(), low + size);
      Unit* unit = store_.unit_at(store_.main(), unit_offset);
      if (unit == nullptr) continue;
      for (auto pc = first; pc != last; ++pc) answers_[*pc] = unit;
      pcs.erase(first, last);
    }
    if (!store_.work().spend(static_cast<int64_t>(length / 16))) return;
  }
}

// Ranges of the units that .debug_aranges does not speak of: all of them with clang, hand-written
// assembly with gcc.
void UnitIndex::read_unit_ranges() {
  units_read_ = true;
  // The pass before may have stopped early: collect the rest of the offsets.
  if (!aranges_read_) {
    std::vector<uint64_t> nowhere = {~uint64_t{0}};
    search_aranges(nowhere);
    aranges_read_ = true;
  }
  store_.walk_units(store_.main());
  for (const auto& [offset, unit] : store_.main().units) {
    if (in_aranges_.contains(offset)) continue;
    if (unit->type != kUnitCompile && unit->type != kUnitSkeleton) continue;
    const Die root = store_.root(*unit);
    if (!root || root.tag() == kTagPartialUnit) continue;
    for (const auto& [low, high] : store_.ranges(root)) by_unit_.push_back({low, high, unit.get()});
  }
  std::sort(by_unit_.begin(), by_unit_.end(),
            [](const Entry& a, const Entry& b) { return a.low < b.low; });
  uint64_t reach = 0;
  for (const Entry& entry : by_unit_) reach_.push_back(reach = std::max(reach, entry.high));
}

void UnitIndex::prepare(std::span<const uint64_t> pcs) {
  std::vector<uint64_t> open;
  for (const uint64_t pc : pcs) {
    if (!answers_.contains(pc)) open.push_back(pc);
  }
  std::sort(open.begin(), open.end());
  open.erase(std::unique(open.begin(), open.end()), open.end());
  if (open.empty()) return;
  search_aranges(open);
  if (open.empty()) return;
  if (!units_read_) read_unit_ranges();
  constexpr int kMaxLookBack = 256;
  for (const uint64_t pc : open) {
    Unit*& answer = answers_[pc];
    auto at = std::upper_bound(by_unit_.begin(), by_unit_.end(), pc,
                               [](uint64_t value, const Entry& e) { return value < e.low; });
    for (int tries = 0; at != by_unit_.begin() && tries < kMaxLookBack && answer == nullptr;
         ++tries) {
      --at;
      if (reach_[static_cast<size_t>(at - by_unit_.begin())] <= pc) break;
      if (pc < at->high) answer = at->unit;
    }
  }
}

Unit* UnitIndex::find(uint64_t pc) {
  auto found = answers_.find(pc);
  if (found == answers_.end()) {
    prepare({&pc, 1});
    found = answers_.find(pc);
  }
  return found == answers_.end() ? nullptr : found->second;
}

}  // namespace inquest::dwarf
