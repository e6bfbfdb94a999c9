// Operands: which of an instruction's memory operands was refused, and which register made its
// address bad.
#pragma once

#include <optional>
#include <string>

#include "binary/isa/decode.h"
#include "diagnosis/facts/facts.h"
#include "diagnosis/facts/site.h"

namespace inquest::diagnosis {

// "[rdi+rcx*8+0x38]", "fs:[0x28]"
std::string operand_text(isa::Arch arch, const isa::MemoryOperand& operand);

struct RefusedOperand {
  size_t index = 0;         // into Instruction::memory
  Address address;          // that was refused: `reported`, or as the operand gives it
  bool recomputed = false;  // no address was reported
};

// The operand that produced the `reported` address; without one, the first whose own address cannot
// be used. nullopt when no operand fits.
std::optional<RefusedOperand> find_refused(const process::ProcessImage& image,
                                           const isa::RegisterFile& registers,
                                           const isa::Instruction& instruction,
                                           std::optional<Address> reported);

// The register that made the address bad: a null or unmapped base, or the index when the base is
// good. nullopt when the address has no register to blame (absolute, pc-relative) or when the stack
// pointer itself was used.
struct BadRegister {
  isa::RegisterId id = 0;
  bool is_index = false;
};
std::optional<BadRegister> find_bad_register(const process::ProcessImage& image,
                                             const isa::RegisterFile& registers,
                                             const isa::MemoryOperand& operand);

// Is the operand on the stack by its form: pushed, popped, or based on sp or the frame pointer?
bool is_stack_operand(isa::Arch arch, const isa::MemoryOperand& operand);

// All but the source expression.
OperandFacts describe_operand(const Site& site, const isa::Instruction& instruction,
                              const isa::MemoryOperand& operand, std::optional<Address> refused);

// Fills expression, member, index and why_no_expression.
void add_explanation(const process::OperandExplanation& explanation, OperandFacts& facts);

}  // namespace inquest::diagnosis
