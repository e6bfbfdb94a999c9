#include "binary/dwarf/functions.h"

#include <algorithm>

#include "binary/dwarf/constants.h"
#include "binary/dwarf/walker.h"

namespace inquest::dwarf {
namespace {

constexpr int kMaxScopeDepth = 512;

bool is_type(uint16_t tag) {
  return tag == kTagClassType || tag == kTagStructureType || tag == kTagUnionType ||
         tag == kTagEnumerationType || tag == kTagInterfaceType;
}

bool is_block(uint16_t tag) {
  return tag == kTagLexicalBlock || tag == kTagTryBlock || tag == kTagCatchBlock ||
         tag == kTagWithStmt;
}

}  // namespace

std::unique_ptr<FunctionTable> FunctionTable::build(Store& store, Unit& unit, bool deep) {
  auto table = std::make_unique<FunctionTable>();
  table->deep_ = deep;
  const Die root = store.root(unit);
  if (!root) return table;
  Walker walker(store, root);
  while (walker.next()) {
    const Die& die = walker.die();
    const uint16_t tag = die.tag();
    if (tag == kTagSubprogram) {
      if (die.abbreviation->has_pc) {
        for (const auto& [low, high] : store.ranges(die))
          table->entries_.push_back({low, high, die.offset});
      }
      if (!deep) walker.skip_children();
    } else if (!deep && is_type(tag)) {
      walker.skip_children();
    }
  }
  auto& entries = table->entries_;
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.low != b.low ? a.low < b.low : a.high > b.high;
  });
  uint64_t reach = 0;
  for (const Entry& entry : entries) table->reach_.push_back(reach = std::max(reach, entry.high));
  return table;
}

std::optional<uint64_t> FunctionTable::find(uint64_t pc) const {
  constexpr int kMaxLookBack = 256;
  auto at = std::upper_bound(entries_.begin(), entries_.end(), pc,
                             [](uint64_t value, const Entry& entry) { return value < entry.low; });
  const Entry* best = nullptr;
  for (int tries = 0; at != entries_.begin() && tries < kMaxLookBack; ++tries) {
    --at;
    if (reach_[static_cast<size_t>(at - entries_.begin())] <= pc) break;
    if (at->high <= pc) continue;
    if (best == nullptr || at->high - at->low < best->high - best->low) best = &*at;
  }
  return best != nullptr ? std::optional(best->die) : std::nullopt;
}

Die function_at(Store& store, Unit& unit, uint64_t pc) {
  Unit& full = store.full_unit(unit);
  if (!store.enter(full)) return {};
  if (full.functions == nullptr) full.functions = FunctionTable::build(store, full, false);
  auto found = full.functions->find(pc);
  if (!found && !full.functions->is_deep()) {
    full.functions = FunctionTable::build(store, full, true);
    found = full.functions->find(pc);
  }
  return found ? read_die(full, *found) : Die{};
}

std::vector<Die> scope_chain(Store& store, const Die& function, uint64_t pc) {
  std::vector<Die> chain = {function};
  Walker walker(store, function);
  if (!walker.next()) return chain;
  while (chain.size() < kMaxScopeDepth && walker.next()) {
    // Children of a scope that was stepped over are never seen, so what comes at a lesser depth has
    // left the chain.
    if (walker.depth() < static_cast<int>(chain.size())) break;
    const Die& die = walker.die();
    const bool scope = die.tag() == kTagInlinedSubroutine || is_block(die.tag());
    const bool has_pc = die.abbreviation->has_pc;
    if (scope && has_pc && store.covers(die, pc)) {
      chain.push_back(die);
    } else {
      walker.skip_children();
    }
  }
  return chain;
}

}  // namespace inquest::dwarf
