#include "binary/isa/decode.h"

#include "binary/isa/a64.h"
#include "binary/isa/x86.h"

namespace inquest::isa {
namespace {

constexpr uint64_t kLow32 = 0xffff'ffff;

uint64_t extend_index(const MemoryOperand& operand, uint64_t value) {
  if (operand.index_sign_extend32) {
    return static_cast<uint64_t>(int64_t{static_cast<int32_t>(value & kLow32)});
  }
  return operand.index_zero_extend32 ? value & kLow32 : value;
}

}  // namespace

std::string_view to_string(Access access) {
  switch (access) {
    case Access::kRead:
      return "read";
    case Access::kWrite:
      return "write";
    case Access::kReadWrite:
      return "read-write";
    case Access::kExecute:
      return "execute";
  }
  return "unknown";
}

std::optional<Address> MemoryOperand::effective_address(const RegisterFile& registers,
                                                        Address next_pc) const {
  if (inexact) return std::nullopt;
  uint64_t sum = static_cast<uint64_t>(displacement);
  if (base == pc_register(registers.arch())) {
    // rip-relative means the next instruction on x86, this one on AArch64.
    sum += registers.arch() == Arch::kX86_64 ? next_pc.value : next_pc.value - 4;
  } else if (base) {
    const auto value = registers.get(*base);
    if (!value) return std::nullopt;
    sum += *value;
  }
  if (index) {
    const auto value = registers.get(*index);
    if (!value) return std::nullopt;
    sum += extend_index(*this, *value) * scale;
  }
  if (truncated32) sum &= kLow32;
  if (segment_base) {
    const auto value = registers.get(*segment_base);
    if (!value) return std::nullopt;
    sum += *value;
  }
  return Address(sum);
}

uint64_t Instruction::extended(uint64_t source) const {
  const auto low = [](uint64_t value, unsigned bits) {
    return bits >= 64 ? value : value & ((uint64_t{1} << bits) - 1);
  };
  uint64_t value = low(source, copy_bits);
  const bool negative = copy_bits != 0 && copy_bits < 64 && (value >> (copy_bits - 1) & 1) != 0;
  if (sign_extended && negative) value |= ~uint64_t{0} << copy_bits;
  return low(value, result_bits);
}

Relation opposite(Relation relation) {
  switch (relation) {
    case Relation::kEqual:
      return Relation::kNotEqual;
    case Relation::kNotEqual:
      return Relation::kEqual;
    case Relation::kBelow:
      return Relation::kAboveEqual;
    case Relation::kBelowEqual:
      return Relation::kAbove;
    case Relation::kAboveEqual:
      return Relation::kBelow;
    case Relation::kAbove:
      return Relation::kBelowEqual;
    case Relation::kLess:
      return Relation::kGreaterEqual;
    case Relation::kLessEqual:
      return Relation::kGreater;
    case Relation::kGreaterEqual:
      return Relation::kLess;
    case Relation::kGreater:
      return Relation::kLessEqual;
  }
  return relation;
}

bool holds(Relation relation, uint64_t left, uint64_t right, unsigned bits) {
  const unsigned unused = bits == 0 || bits >= 64 ? 0 : 64 - bits;
  left <<= unused;
  right <<= unused;
  const auto a = static_cast<int64_t>(left), b = static_cast<int64_t>(right);
  switch (relation) {
    case Relation::kEqual:
      return left == right;
    case Relation::kNotEqual:
      return left != right;
    case Relation::kBelow:
      return left < right;
    case Relation::kBelowEqual:
      return left <= right;
    case Relation::kAboveEqual:
      return left >= right;
    case Relation::kAbove:
      return left > right;
    case Relation::kLess:
      return a < b;
    case Relation::kLessEqual:
      return a <= b;
    case Relation::kGreaterEqual:
      return a >= b;
    case Relation::kGreater:
      return a > b;
  }
  return false;
}

Result<Instruction> decode(Arch arch, ByteView code, Address pc) {
  return arch == Arch::kX86_64 ? decode_x86(code, pc) : decode_a64(code, pc);
}

bool follows_call(Arch arch, ByteView before, Address) {
  return arch == Arch::kX86_64 ? follows_call_x86(before) : follows_call_a64(before);
}

}  // namespace inquest::isa
