// What the destination register of an x86-64 instruction gets, where that is a plain function of
// one source.
//
// Only full writes count: 64-bit ones, and 32-bit ones, which clear the upper half.
#include <Zydis/Zydis.h>

#include "binary/isa/x86.h"

namespace inquest::isa::x86 {
namespace {

bool is_register(const ZydisDecodedOperand& operand) {
  return operand.type == ZYDIS_OPERAND_TYPE_REGISTER && parent_register(operand.reg.value);
}

bool is_immediate(const ZydisDecodedOperand& operand) {
  return operand.type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
}

uint64_t cut(uint64_t value, unsigned bits) {
  return bits >= 64 ? value : value & ((uint64_t{1} << bits) - 1);
}

bool is_high_byte(const ZydisDecodedOperand& operand) {
  return operand.reg.value >= ZYDIS_REGISTER_AH && operand.reg.value <= ZYDIS_REGISTER_BH;
}

// mov, movzx, movsx, movsxd, pop
void move(const Parts& parts, Instruction& out, bool sign_extends) {
  const auto& to = parts.operands[0];
  const auto& from = parts.operands[1];
  if (is_immediate(from)) {
    out.constant = cut(from.imm.value.u, to.size);
    return;
  }
  out.sign_extended = sign_extends;
  out.copy_bits = static_cast<uint8_t>(from.size);
  out.result_bits = static_cast<uint8_t>(to.size);
  if (from.type == ZYDIS_OPERAND_TYPE_MEMORY) {
    out.loads_destination = true;
  } else if (is_register(from) && !is_high_byte(from)) {
    out.copy_of = parent_register(from.reg.value);
  }
}

void sum(const Parts& parts, Instruction& out, MemoryOperand address) {
  address.access = Access::kRead;
  address.truncated32 = parts.operands[0].size == 32;
  out.address_of = address;
}

void add_immediate(const Parts& parts, Instruction& out, uint64_t amount) {
  MemoryOperand address;
  address.base = parent_register(parts.operands[0].reg.value);
  address.displacement = static_cast<int64_t>(amount);
  sum(parts, out, address);
}

void add(const Parts& parts, Instruction& out) {
  const auto& from = parts.operands[1];
  if (is_immediate(from)) return add_immediate(parts, out, from.imm.value.u);
  if (!is_register(from)) return;
  MemoryOperand address;
  address.base = parent_register(parts.operands[0].reg.value);
  address.index = parent_register(from.reg.value);
  sum(parts, out, address);
}

void load_address(const Parts& parts, Instruction& out) {
  const auto& memory = parts.operands[1].mem;
  MemoryOperand address;
  address.base = parent_register(memory.base);
  address.index = parent_register(memory.index);
  if (address.index) address.scale = memory.scale;
  address.displacement = memory.disp.value;
  sum(parts, out, address);
  if (parts.instruction.address_width == 32) out.address_of->truncated32 = true;
  if (address.base == kRip && !address.index) {
    const uint64_t target = out.next_pc().value + static_cast<uint64_t>(address.displacement);
    out.constant = out.address_of->truncated32 ? cut(target, 32) : target;
  }
}

void shift_left(const Parts& parts, Instruction& out) {
  if (!is_immediate(parts.operands[1])) return;
  const uint64_t count = parts.operands[1].imm.value.u;
  if (count > 7) return;
  MemoryOperand address;
  address.index = parent_register(parts.operands[0].reg.value);
  address.scale = static_cast<uint8_t>(1u << count);
  sum(parts, out, address);
}

// and r, 1 · and r, 0xff: the low bits of what it was
void mask(const Parts& parts, Instruction& out) {
  const auto& to = parts.operands[0];
  const uint64_t bits = cut(parts.operands[1].imm.value.u, to.size);
  if (bits == 0) {
    out.constant = 0;
  } else if ((bits & (bits + 1)) == 0 && !is_high_byte(to)) {
    out.copy_of = parent_register(to.reg.value);
    out.copy_bits = static_cast<uint8_t>(__builtin_popcountll(bits));
    out.result_bits = static_cast<uint8_t>(to.size);
  }
}

bool same_registers(const Parts& parts) {
  return is_register(parts.operands[1]) &&
         parts.operands[0].reg.value == parts.operands[1].reg.value;
}

}  // namespace

void add_data_flow(const Parts& parts, Instruction& out) {
  if (parts.instruction.operand_count == 0 || out.writes.empty()) return;
  if (parts.instruction.mnemonic == ZYDIS_MNEMONIC_LEAVE) {
    out.loads_destination = out.writes.front() == kRbp;
    return;
  }
  if (parts.instruction.mnemonic == ZYDIS_MNEMONIC_CDQE) {  // rax = eax, with its sign
    out.copy_of = kRax;
    out.copy_bits = 32;
    out.sign_extended = true;
    return;
  }
  const auto& to = parts.operands[0];
  if (!is_register(to) || to.size < 32 || out.writes.front() != parent_register(to.reg.value)) {
    return;
  }
  switch (parts.instruction.mnemonic) {
    case ZYDIS_MNEMONIC_MOV:
    case ZYDIS_MNEMONIC_MOVZX:
      return move(parts, out, false);
    case ZYDIS_MNEMONIC_MOVSX:
    case ZYDIS_MNEMONIC_MOVSXD:
      return move(parts, out, true);
    case ZYDIS_MNEMONIC_POP:
      out.loads_destination = !out.memory.empty();
      return;
    case ZYDIS_MNEMONIC_XOR:
    case ZYDIS_MNEMONIC_SUB:
      if (same_registers(parts)) {
        out.constant = 0;
        out.reads.clear();  // the old value does not matter
      } else if (parts.instruction.mnemonic == ZYDIS_MNEMONIC_SUB &&
                 is_immediate(parts.operands[1])) {
        add_immediate(parts, out, 0 - parts.operands[1].imm.value.u);
      }
      return;
    case ZYDIS_MNEMONIC_OR:
      if (is_immediate(parts.operands[1]) && parts.operands[1].imm.value.s == -1) {
        out.constant = cut(~uint64_t{0}, to.size);
      }
      return;
    case ZYDIS_MNEMONIC_AND:
      if (is_immediate(parts.operands[1])) mask(parts, out);
      return;
    case ZYDIS_MNEMONIC_ADD:
      return add(parts, out);
    case ZYDIS_MNEMONIC_INC:
      return add_immediate(parts, out, 1);
    case ZYDIS_MNEMONIC_DEC:
      return add_immediate(parts, out, ~uint64_t{0});
    case ZYDIS_MNEMONIC_SHL:
      return shift_left(parts, out);
    case ZYDIS_MNEMONIC_LEA:
      return load_address(parts, out);
    default:
      return;
  }
}

}  // namespace inquest::isa::x86
