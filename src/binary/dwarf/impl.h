// DebugInfo's insides, shared by the files that implement it.
#pragma once

#include "binary/dwarf/debug_info.h"
#include "binary/dwarf/functions.h"
#include "binary/dwarf/line_table.h"
#include "binary/dwarf/names.h"
#include "binary/dwarf/search.h"
#include "binary/dwarf/store.h"
#include "binary/dwarf/unit_index.h"
#include "binary/dwarf/walker.h"

namespace inquest::dwarf {

struct DebugInfo::Impl {
  Impl(const elf::File& debug, const elf::File* binary, const elf::File* alt,
       const std::string& binary_path, SectionMemory* memory)
      : store(debug, binary, alt, binary_path, memory), index(store) {}

  Store store;
  UnitIndex index;

  // The unit of a key handed out by unit_at.
  Unit* unit(uint64_t key) { return store.unit_at(store.main(), key); }
  Die function_at(uint64_t pc) {
    Unit* found = index.find(pc);
    return found != nullptr ? dwarf::function_at(store, *found, pc) : Die{};
  }
  Die function_in(Unit& unit, uint64_t pc) { return dwarf::function_at(store, unit, pc); }
  FunctionScope scope(const Die& die, bool qualified);
  std::string file_of(const Die& die, std::optional<uint64_t> index_in_unit);
  DebugInfo::UnitLine unit_line(LineTable& table, const LineTable::Row& row);
};

}  // namespace inquest::dwarf
