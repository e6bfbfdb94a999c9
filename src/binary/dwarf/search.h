// Search by name and by data address: the slow questions, over indexes made of one unit at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "binary/dwarf/store.h"

namespace inquest::dwarf {

// Types by unqualified name, and variables by address, of one unit.
struct UnitNames {
  struct Variable {
    uint64_t address = 0;
    uint64_t die = 0;
  };
  std::unordered_multimap<std::string_view, uint64_t> types;  // definitions only
  std::vector<Variable> variables;                            // by address
};

// How much .debug_info a search may read beyond the units that were entered for other reasons.
inline constexpr uint64_t kMaxSearchedBytes = 96ull << 20;

UnitNames& unit_names(Store& store, Unit& unit);

// The definition of the type with this qualified name; `near` is looked through first.
Die find_type(Store& store, std::string_view qualified_name, Unit* near);
// The variable whose address is nearest at or below `address` and whose size covers it.
Die find_variable(Store& store, uint64_t address, uint64_t* start);

}  // namespace inquest::dwarf
