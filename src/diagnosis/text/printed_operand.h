// The address that an instruction used, from what a debugger printed of it: "mov 0x38(%rax),%eax"
// and the registers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "diagnosis/facts/facts.h"

namespace inquest::diagnosis {

using PrintedRegisters = std::map<std::string, uint64_t, std::less<>>;

// "rax            0x0                 0": into `registers`. False when it is no such line.
bool take_register_line(std::string_view text, PrintedRegisters& registers);

struct PrintedOperand {
  Address address;
  std::string base;  // "rax"; empty: there is none
  uint64_t base_value = 0, displacement = 0;
  bool indexed = false;                   // an index register takes part
  AccessKind access = AccessKind::kNone;  // kNone: cannot be told
};

// The operand in memory of an x86-64 instruction in gdb's own spelling. nullopt when there is none,
// or a register that it needs was not printed.
std::optional<PrintedOperand> printed_operand(std::string_view instruction,
                                              const PrintedRegisters& registers);

}  // namespace inquest::diagnosis
