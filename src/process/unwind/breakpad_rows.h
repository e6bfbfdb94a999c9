// Rows of call frame information out of Breakpad's STACK CFI records, for binaries that are not at
// hand.
#pragma once

#include <deque>
#include <optional>

#include "binary/breakpad/symbol_file.h"
#include "binary/dwarf/cfi.h"
#include "binary/isa/registers.h"
#include "process/modules/modules.h"

namespace inquest::process {

inline constexpr size_t kMaxPostfixWords = 64;  // of one expression; dump_syms writes 3 to 8

// Makes rows of one module. The usual rules become those of DWARF, all other expressions are
// translated into DWARF's operations; their bytes live as long as this. What cannot be translated
// leaves its register unknown.
class BreakpadRows {
 public:
  BreakpadRows(const Module& module, const breakpad::SymbolFile& symbols, isa::Arch arch)
      : module_(module), symbols_(symbols), arch_(arch) {}

  // At a link-time address, as dwarf::CfiTable has them.
  std::optional<dwarf::CfiRow> row_at(uint64_t pc);
  std::optional<dwarf::CfiTable::Function> function_at(uint64_t pc);

 private:
  uint64_t to_link(uint64_t address) const {
    return address + module_.range.start.value - module_.bias;
  }
  ByteView translate(std::string_view expression, bool cfa_is_pushed);
  dwarf::CfaRule cfa_rule(std::string_view expression);
  dwarf::RegisterRule register_rule(uint16_t reg, std::string_view expression);

  const Module& module_;
  const breakpad::SymbolFile& symbols_;
  isa::Arch arch_;
  std::deque<Bytes> expressions_;
};

}  // namespace inquest::process
