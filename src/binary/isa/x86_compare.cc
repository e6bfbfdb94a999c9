// What an x86-64 instruction stores, compares, and on which comparison it branches.
#include <Zydis/Zydis.h>

#include "binary/isa/x86.h"

namespace inquest::isa::x86 {
namespace {

bool is_whole_register(const ZydisDecodedOperand& operand) {
  if (operand.type != ZYDIS_OPERAND_TYPE_REGISTER || !parent_register(operand.reg.value))
    return false;
  return operand.reg.value < ZYDIS_REGISTER_AH || operand.reg.value > ZYDIS_REGISTER_BH;
}

void add_store(const Parts& parts, Instruction& out) {
  const bool pushes = parts.instruction.mnemonic == ZYDIS_MNEMONIC_PUSH;
  if (!pushes && parts.instruction.mnemonic != ZYDIS_MNEMONIC_MOV) return;
  if (!pushes && parts.operands[0].type != ZYDIS_OPERAND_TYPE_MEMORY) return;
  if (out.memory.empty() || out.memory[0].access != Access::kWrite) return;
  const auto& from = parts.operands[pushes ? 0 : 1];
  if (from.type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
    const unsigned bits = out.memory[0].size * 8;
    const uint64_t value = from.imm.value.u;
    out.stores_constant = bits >= 64 ? value : value & ((uint64_t{1} << bits) - 1);
  } else if (is_whole_register(from)) {
    out.stores_register = parent_register(from.reg.value);
  }
}

void add_comparison(const Parts& parts, Instruction& out) {
  const bool tests = parts.instruction.mnemonic == ZYDIS_MNEMONIC_TEST;
  if (!tests && parts.instruction.mnemonic != ZYDIS_MNEMONIC_CMP) return;
  const auto &left = parts.operands[0], &right = parts.operands[1];
  Comparison comparison;
  comparison.bits = static_cast<uint8_t>(left.size);
  if (left.type == ZYDIS_OPERAND_TYPE_MEMORY) {
    if (out.memory.empty()) return;
  } else if (is_whole_register(left)) {
    comparison.left = parent_register(left.reg.value);
  } else {
    return;
  }
  if (tests) {
    const bool with_itself = right.type == ZYDIS_OPERAND_TYPE_REGISTER &&
                             left.type == ZYDIS_OPERAND_TYPE_REGISTER &&
                             right.reg.value == left.reg.value;
    if (right.type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
      comparison.mask = right.imm.value.u;
    } else if (!with_itself) {
      return;
    }
  } else if (right.type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
    comparison.right = right.imm.value.u;
  } else if (is_whole_register(right)) {
    comparison.right_register = parent_register(right.reg.value);
  } else {
    return;
  }
  out.compares = comparison;
}

std::optional<Relation> relation_of(ZydisMnemonic mnemonic) {
  switch (mnemonic) {
    case ZYDIS_MNEMONIC_JZ:
      return Relation::kEqual;
    case ZYDIS_MNEMONIC_JNZ:
      return Relation::kNotEqual;
    case ZYDIS_MNEMONIC_JB:
      return Relation::kBelow;
    case ZYDIS_MNEMONIC_JBE:
      return Relation::kBelowEqual;
    case ZYDIS_MNEMONIC_JNB:
      return Relation::kAboveEqual;
    case ZYDIS_MNEMONIC_JNBE:
      return Relation::kAbove;
    case ZYDIS_MNEMONIC_JL:
      return Relation::kLess;
    case ZYDIS_MNEMONIC_JLE:
      return Relation::kLessEqual;
    case ZYDIS_MNEMONIC_JNL:
      return Relation::kGreaterEqual;
    case ZYDIS_MNEMONIC_JNLE:
      return Relation::kGreater;
    default:
      return std::nullopt;
  }
}

}  // namespace

void add_stores_and_comparisons(const Parts& parts, Instruction& out) {
  if (parts.instruction.operand_count == 0) return;
  add_store(parts, out);
  add_comparison(parts, out);
  if (out.flow == Flow::kBranch) out.branches_when = relation_of(parts.instruction.mnemonic);
}

}  // namespace inquest::isa::x86
