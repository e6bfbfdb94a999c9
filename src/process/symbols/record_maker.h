// RecordMaker: FunctionRecords of one module from DWARF, from Breakpad symbol files and from symbol
// tables.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "binary/dwarf/debug_info.h"
#include "process/modules/modules.h"
#include "process/symbols/function_record.h"

namespace inquest::process {

// Which files an answer "nothing better is known" came from: changes when one of them is installed,
// replaced or removed. Never 0.
uint64_t module_identity(const Module& module);

class RecordMaker {
 public:
  // `debug` may be nullptr.
  RecordMaker(const Module& module, dwarf::DebugInfo* debug) : module_(module), debug_(debug) {}

  void prepare(std::span<const uint64_t> pcs);
  // nullopt when DWARF has no function there.
  std::optional<FunctionRecord> from_dwarf(uint64_t pc);
  // nullopt when Breakpad's symbol file, if there is one, has no function there.
  std::optional<FunctionRecord> from_breakpad(uint64_t pc);
  // One record for each of these (sorted), in one pass over each symbol table; lines from DWARF
  // where it has them.
  std::vector<FunctionRecord> from_symbols(std::span<const uint64_t> pcs);

 private:
  // A function whose name stands in a dwz file that is not at hand has one in the symbol table.
  void name_by_symbol(FunctionRecord& record, uint64_t pc);
  void add_lines(FunctionRecord& record, uint64_t low, uint64_t high);

  const Module& module_;
  dwarf::DebugInfo* debug_;
};

}  // namespace inquest::process
