#include "binary/dwarf/search.h"

#include <algorithm>

#include "binary/dwarf/constants.h"
#include "binary/dwarf/names.h"
#include "binary/dwarf/walker.h"

namespace inquest::dwarf {
namespace {

bool defines_type(uint16_t tag) {
  switch (tag) {
    case kTagClassType:
    case kTagStructureType:
    case kTagUnionType:
    case kTagEnumerationType:
    case kTagTypedef:
    case kTagBaseType:
      return true;
    default:
      return false;
  }
}

// DW_OP_addr X, or DW_OP_addrx: what a variable of static storage has.
std::optional<uint64_t> static_address(Store& store, const Die& die) {
  const Value location = attribute(die, kAtLocation);
  if (!is_expression(location) || location.block.empty()) return std::nullopt;
  Reader reader(location.block);
  const uint8_t operation = reader.u8();
  std::optional<uint64_t> address;
  if (operation == kOpAddr) {
    address = reader.sized(die.unit->layout.address_size);
  } else if (operation == kOpAddrx || operation == kOpGnuAddrIndex) {
    address = store.indexed_address(*die.unit, reader.uleb());
  }
  return reader.ok() && reader.at_end() ? address : std::nullopt;
}

std::string_view last_part(std::string_view qualified) {
  // "::" inside template arguments does not count.
  int depth = 0;
  for (size_t i = qualified.size(); i-- > 1;) {
    const char c = qualified[i];
    if (c == '>' || c == ')') ++depth;
    if (c == '<' || c == '(') --depth;
    if (depth == 0 && c == ':' && qualified[i - 1] == ':') return qualified.substr(i + 1);
  }
  return qualified;
}

bool may_define(const Unit& unit, bool types) {
  switch (unit.type) {
    case kUnitCompile:  // partial units too, before DWARF 5
    case kUnitSkeleton:
      return true;
    default:
      return types;
  }
}

// Units whose names were read already first, then those entered for the stack (the likeliest to
// know), then the rest as far as the limit goes. With `types` also partial and type units, and the
// dwz file.
template <typename Visit>
void visit_units(Store& store, bool types, Visit&& visit) {
  std::vector<Unit*> entered;
  std::vector<Unit*> fresh;
  std::vector<Container*> places = {&store.main()};
  if (types) {
    for (Container* place : {store.main().alt, store.types()}) {
      if (place != nullptr) places.push_back(place);
    }
  }
  for (Container* place : places) {
    store.walk_units(*place);
    for (const auto& [offset, unit] : place->units) {
      if (!may_define(*unit, types)) continue;
      Unit& full = unit->split != nullptr ? *unit->split : *unit;
      if (full.names == nullptr) {
        (unit->entered ? entered : fresh).push_back(unit.get());
      } else if (visit(full)) {
        return;
      }
    }
  }
  for (Unit* unit : entered) {
    if (store.work().exhausted() || visit(store.full_unit(*unit))) return;
  }
  uint64_t bytes = 0;
  for (Unit* unit : fresh) {
    bytes += unit->end - unit->offset;
    if (bytes > kMaxSearchedBytes) break;
    if (store.work().exhausted() || visit(store.full_unit(*unit))) return;
  }
}

}  // namespace

UnitNames& unit_names(Store& store, Unit& unit) {
  if (unit.names != nullptr) return *unit.names;
  unit.names = std::make_unique<UnitNames>();
  UnitNames& names = *unit.names;
  const Die root = store.root(unit);
  if (!root) return names;
  Walker walker(store, root);
  while (walker.next()) {
    const Die& die = walker.die();
    const uint16_t tag = die.tag();
    if (tag == kTagVariable) {
      const auto address = static_address(store, die);
      if (address && *address != 0) names.variables.push_back({*address, die.offset});
    } else if (defines_type(tag) && !flag(die, kAtDeclaration)) {
      const auto name = store.text(die, kAtName);
      if (name && !name->empty()) names.types.emplace(*name, die.offset);
    }
  }
  std::sort(names.variables.begin(), names.variables.end(),
            [](const auto& a, const auto& b) { return a.address < b.address; });
  return names;
}

Die find_type(Store& store, std::string_view qualified, Unit* near) {
  constexpr int kMaxNamesakes = 64;
  const std::string_view name = last_part(qualified);
  Die found;
  const auto look = [&](Unit& unit) {
    int tries = 0;
    const auto [first, last] = unit_names(store, unit).types.equal_range(name);
    for (auto at = first; at != last && tries < kMaxNamesakes; ++at, ++tries) {
      const Die die = read_die(unit, at->second);
      if (die && qualified_name(store, die) == qualified) {
        found = die;
        return true;
      }
    }
    return false;
  };
  if (near != nullptr && look(*near)) return found;
  visit_units(store, true, look);
  return found;
}

Die find_variable(Store& store, uint64_t address, uint64_t* start) {
  constexpr uint64_t kMaxVariable = 64ull << 20;  // bytes: farther back is another thing
  Die best;
  *start = 0;
  visit_units(store, false, [&](Unit& unit) {
    const auto& variables = unit_names(store, unit).variables;
    auto after = std::upper_bound(variables.begin(), variables.end(), address,
                                  [](uint64_t at, const auto& v) { return at < v.address; });
    if (after == variables.begin()) return false;
    --after;
    if (address - after->address > kMaxVariable || (best && after->address <= *start)) return false;
    best = read_die(unit, after->die);
    *start = after->address;
    return *start == address;
  });
  return best;
}

}  // namespace inquest::dwarf
