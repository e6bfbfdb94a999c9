// Functions, inlined instances and source lines at a pc.
#include <algorithm>

#include "binary/dwarf/constants.h"
#include "binary/dwarf/impl.h"

namespace inquest::dwarf {
namespace {

constexpr size_t kMaxScopes = 1 << 16;  // of one function
constexpr size_t kMaxScopesOfUnit = 1 << 22;

uint32_t as_u32(std::optional<uint64_t> value) {
  return value && *value <= 0xffffffff ? static_cast<uint32_t>(*value) : 0;
}

bool is_function(const Die& die) {
  return die.tag() == kTagSubprogram || die.tag() == kTagInlinedSubroutine;
}

}  // namespace

std::string DebugInfo::Impl::file_of(const Die& die, std::optional<uint64_t> index_in_unit) {
  if (!die || !index_in_unit) return {};
  return std::string(store.file_name(*die.unit, *index_in_unit));
}

FunctionScope DebugInfo::Impl::scope(const Die& die, bool qualified) {
  FunctionScope scope;
  scope.die = store.ref(die);
  scope.is_inlined = die.tag() == kTagInlinedSubroutine;
  std::optional<uint64_t> call_file;
  Value entry;
  for_each_attribute(die, [&](uint16_t name, const Value& value) {
    switch (name) {
      case kAtCallFile:
        call_file = unsigned_constant(value);
        break;
      case kAtCallLine:
        scope.call_line = as_u32(unsigned_constant(value));
        break;
      case kAtCallColumn:
        scope.call_column = as_u32(unsigned_constant(value));
        break;
      case kAtEntryPc:
        entry = value;
        break;
      case kAtLowPc:
        scope.low_pc = store.address(*die.unit, value).value_or(0);
        break;
      default:
        break;
    }
  });
  if (scope.is_inlined) scope.call_file = file_of(die, call_file);
  if (scope.low_pc == 0) {
    const auto ranges = store.ranges(die);
    if (!ranges.empty()) scope.low_pc = ranges.front().first;
  }
  if (entry && is_address(entry)) {
    scope.low_pc = store.address(*die.unit, entry).value_or(scope.low_pc);
  } else if (entry && constant(entry)) {
    scope.low_pc += entry.number;  // DWARF 5: an offset from the lowest address
  }
  const Identity identity = identify(store, die);
  scope.linkage_name = identity.linkage_name;
  scope.name = qualified || identity.linkage_name.empty() ? qualified_name(store, die)
                                                          : std::string(identity.name);
  scope.decl_file = file_of(identity.declared, identity.decl_file);
  scope.decl_line = as_u32(identity.decl_line);
  return scope;
}

std::vector<FunctionScope> DebugInfo::scopes_at(uint64_t pc, bool qualified) {
  impl_->store.work().start();
  std::vector<FunctionScope> scopes;
  const Die function = impl_->function_at(pc);
  if (!function) return scopes;
  const std::vector<Die> chain = scope_chain(impl_->store, function, pc);
  for (auto die = chain.rbegin(); die != chain.rend(); ++die) {
    if (is_function(*die)) scopes.push_back(impl_->scope(*die, qualified));
  }
  if (scopes.empty()) return scopes;
  for (const auto& [low, high] : impl_->store.ranges(function))
    scopes.back().code_size += high - low;
  return scopes;
}

std::optional<LineRow> DebugInfo::line_at(uint64_t pc) {
  impl_->store.work().start();
  Unit* unit = impl_->index.find(pc);
  LineTable* table = unit != nullptr ? impl_->store.lines(*unit, true) : nullptr;
  if (table == nullptr) return std::nullopt;
  const auto [sequence, index] = table->find(pc, impl_->store.work());
  if (sequence == nullptr) return std::nullopt;
  const LineTable::Row& row = sequence->rows[index];
  return LineRow{table->file_name(row.file), row.line, row.column};
}

DebugInfo::UnitLine DebugInfo::Impl::unit_line(LineTable& table, const LineTable::Row& row) {
  return {row.address, table.file_name(row.file), row.line, row.column, row.end_sequence};
}

std::vector<DebugInfo::UnitLine> DebugInfo::unit_lines(uint64_t key) {
  impl_->store.work().start();
  std::vector<UnitLine> result;
  Unit* unit = impl_->unit(key);
  LineTable* table = unit != nullptr ? impl_->store.lines(*unit, true) : nullptr;
  if (table == nullptr) return result;
  for (auto& sequence : table->sequences()) {
    for (const auto& row : table->rows(sequence, impl_->store.work()))
      result.push_back(impl_->unit_line(*table, row));
  }
  return result;
}

std::vector<DebugInfo::UnitLine> DebugInfo::lines_between(uint64_t low, uint64_t high) {
  impl_->store.work().start();
  std::vector<UnitLine> result;
  Unit* unit = impl_->index.find(low);
  LineTable* table = unit != nullptr ? impl_->store.lines(*unit, true) : nullptr;
  if (table == nullptr) return result;
  const auto [sequence, first] = table->find(low, impl_->store.work());
  if (sequence == nullptr) return result;
  const auto& rows = sequence->rows;
  for (size_t i = first; i < rows.size() && rows[i].address < high; ++i)
    result.push_back(impl_->unit_line(*table, rows[i]));
  return result;
}

namespace {

// Appends the function scopes in the subtree of `top`, parents before children.
void collect_tree(DebugInfo::Impl& impl, const Die& top, bool qualified, size_t limit,
                  std::vector<DebugInfo::UnitScope>& into) {
  struct Open {
    int depth;
    int32_t index;
  };
  std::vector<Open> open;
  Walker walker(impl.store, top);
  while (walker.next() && into.size() < limit) {
    const Die& die = walker.die();
    while (!open.empty() && open.back().depth >= walker.depth()) open.pop_back();
    const bool is_top = walker.depth() == 0;
    const bool inlined = die.tag() == kTagInlinedSubroutine && die.abbreviation->has_pc;
    if (is_top || inlined) {
      const int32_t parent = open.empty() ? -1 : open.back().index;
      open.push_back({walker.depth(), static_cast<int32_t>(into.size())});
      into.push_back({impl.scope(die, qualified), impl.store.ranges(die), parent});
    } else if (die.tag() != kTagLexicalBlock && die.tag() != kTagTryBlock &&
               die.tag() != kTagCatchBlock) {
      walker.skip_children();
    }
  }
}

}  // namespace

std::vector<DebugInfo::UnitScope> DebugInfo::function_tree(uint64_t pc, bool qualified) {
  impl_->store.work().start();
  std::vector<UnitScope> scopes;
  const Die function = impl_->function_at(pc);
  if (function) collect_tree(*impl_, function, qualified, kMaxScopes, scopes);
  return scopes;
}

std::vector<DebugInfo::UnitScope> DebugInfo::unit_scopes(uint64_t key) {
  impl_->store.work().start();
  std::vector<UnitScope> scopes;
  Unit* unit = impl_->unit(key);
  if (unit == nullptr) return scopes;
  Unit& full = impl_->store.full_unit(*unit);
  const auto table = FunctionTable::build(impl_->store, full, true);
  std::vector<uint64_t> dies;
  for (const auto& entry : table->entries()) dies.push_back(entry.die);
  std::sort(dies.begin(), dies.end());
  dies.erase(std::unique(dies.begin(), dies.end()), dies.end());
  for (const uint64_t die : dies)
    collect_tree(*impl_, read_die(full, die), true, kMaxScopesOfUnit, scopes);
  return scopes;
}

std::vector<std::pair<uint64_t, uint64_t>> DebugInfo::unit_ranges(uint64_t key) {
  impl_->store.work().start();
  Unit* unit = impl_->unit(key);
  const Die root = unit != nullptr ? impl_->store.root(*unit) : Die{};
  return root ? impl_->store.ranges(root) : std::vector<Range>();
}

}  // namespace inquest::dwarf
