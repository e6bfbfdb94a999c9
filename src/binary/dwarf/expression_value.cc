#include "binary/dwarf/expression_value.h"

#include <dwarf.h>

#include <bit>
#include <cmath>
#include <limits>

namespace inquest::dwarf {
namespace {

using Sign = TypedValue::Sign;

int64_t as_signed(uint64_t value) { return static_cast<int64_t>(value); }

// The generic type divides and compares as signed numbers (DWARF 5 section 2.5.1.4); its modulus is
// unsigned.
std::optional<uint64_t> divide(TypedValue left, TypedValue right) {
  if (right.bits == 0) return std::nullopt;
  if (left.sign == Sign::kUnsigned) return left.bits / right.bits;
  if (as_signed(right.bits) == -1)
    return uint64_t{0} - left.bits;  // the one quotient that can overflow
  return static_cast<uint64_t>(as_signed(left.bits) / as_signed(right.bits));
}

std::optional<uint64_t> modulus(TypedValue left, TypedValue right) {
  if (right.bits == 0) return std::nullopt;
  if (left.sign != Sign::kSigned) return left.bits % right.bits;
  if (as_signed(right.bits) == -1) return 0;
  return static_cast<uint64_t>(as_signed(left.bits) % as_signed(right.bits));
}

uint64_t zero_extended(TypedValue value) {
  return TypedValue::of(value.bits, value.size, Sign::kUnsigned).bits;
}

int64_t sign_extended(TypedValue value) {
  return as_signed(TypedValue::of(value.bits, value.size, Sign::kSigned).bits);
}

std::optional<TypedValue> shift(uint8_t opcode, TypedValue left, uint64_t count) {
  const unsigned width = left.size * 8u;
  switch (opcode) {
    case DW_OP_shl:
      return left.with(count < width ? left.bits << count : 0);
    case DW_OP_shr:
      return left.with(count < width ? zero_extended(left) >> count : 0);
    default:
      break;
  }
  const int64_t value = sign_extended(left);
  return left.with(static_cast<uint64_t>(value >> (count < width ? count : width - 1)));
}

std::optional<TypedValue> compare(uint8_t opcode, TypedValue left, TypedValue right) {
  const bool less = left.sign == Sign::kUnsigned ? left.bits < right.bits
                                                 : as_signed(left.bits) < as_signed(right.bits);
  const bool equal = left.bits == right.bits;
  switch (opcode) {
    case DW_OP_eq:
      return TypedValue::generic(equal);
    case DW_OP_ne:
      return TypedValue::generic(!equal);
    case DW_OP_lt:
      return TypedValue::generic(less);
    case DW_OP_le:
      return TypedValue::generic(less || equal);
    case DW_OP_ge:
      return TypedValue::generic(!less);
    case DW_OP_gt:
      return TypedValue::generic(!less && !equal);
    default:
      return std::nullopt;
  }
}

std::optional<TypedValue> float_operation(uint8_t opcode, TypedValue left, TypedValue right) {
  const double a = left.as_double(), b = right.as_double();
  switch (opcode) {
    case DW_OP_plus:
      return TypedValue::of_double(a + b, left.size);
    case DW_OP_minus:
      return TypedValue::of_double(a - b, left.size);
    case DW_OP_mul:
      return TypedValue::of_double(a * b, left.size);
    case DW_OP_div:
      return TypedValue::of_double(a / b, left.size);
    case DW_OP_eq:
      return TypedValue::generic(a == b);
    case DW_OP_ne:
      return TypedValue::generic(a != b);
    case DW_OP_lt:
      return TypedValue::generic(a < b);
    case DW_OP_le:
      return TypedValue::generic(a <= b);
    case DW_OP_gt:
      return TypedValue::generic(a > b);
    case DW_OP_ge:
      return TypedValue::generic(a >= b);
    default:
      return std::nullopt;
  }
}

}  // namespace

TypedValue TypedValue::of_double(double value, uint64_t size) {
  if (size == 4) return {std::bit_cast<uint32_t>(static_cast<float>(value)), 4, Sign::kFloat};
  return {std::bit_cast<uint64_t>(value), 8, Sign::kFloat};
}

double TypedValue::as_double() const {
  if (sign == Sign::kFloat && size == 4)
    return static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  if (sign == Sign::kFloat) return std::bit_cast<double>(bits);
  return sign == Sign::kUnsigned ? static_cast<double>(bits) : static_cast<double>(as_signed(bits));
}

std::optional<TypedValue> TypedValue::converted(uint64_t new_size, Sign new_sign) const {
  if (new_sign == Sign::kFloat) return of_double(as_double(), new_size);
  if (sign != Sign::kFloat) return of(bits, new_size, new_sign);
  const double number = std::trunc(as_double());
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (number >= -kLimit && number < kLimit)
    return of(static_cast<uint64_t>(static_cast<int64_t>(number)), new_size, new_sign);
  if (new_sign != Sign::kSigned && number >= 0 && number < 2 * kLimit)
    return of(static_cast<uint64_t>(number), new_size, new_sign);
  return std::nullopt;
}

TypedValue TypedValue::of(uint64_t bits, uint64_t size, Sign sign) {
  if (size == 0 || size >= 8) return {bits, 8, sign};
  const unsigned unused = 64 - static_cast<unsigned>(size) * 8;
  const uint64_t shifted = bits << unused;
  const uint64_t extended = sign == Sign::kSigned
                                ? static_cast<uint64_t>(as_signed(shifted) >> unused)
                                : shifted >> unused;
  return {extended, static_cast<uint8_t>(size), sign};
}

std::optional<TypedValue> binary_operation(uint8_t opcode, TypedValue left, TypedValue right) {
  if (opcode == DW_OP_shl || opcode == DW_OP_shr || opcode == DW_OP_shra) {
    return shift(opcode, left, zero_extended(right));
  }
  // Compilers mix typed and generic numbers now and then; only a clash of two base types is an
  // error.
  if (left.sign == Sign::kGeneric && right.sign != Sign::kGeneric) left = right.with(left.bits);
  if (right.sign == Sign::kGeneric && left.sign != Sign::kGeneric) right = left.with(right.bits);
  if (!left.same_type(right)) return std::nullopt;
  if (left.sign == Sign::kFloat) return float_operation(opcode, left, right);
  switch (opcode) {
    case DW_OP_and:
      return left.with(left.bits & right.bits);
    case DW_OP_or:
      return left.with(left.bits | right.bits);
    case DW_OP_xor:
      return left.with(left.bits ^ right.bits);
    case DW_OP_plus:
      return left.with(left.bits + right.bits);
    case DW_OP_minus:
      return left.with(left.bits - right.bits);
    case DW_OP_mul:
      return left.with(left.bits * right.bits);
    case DW_OP_div:
    case DW_OP_mod: {
      const auto result = opcode == DW_OP_div ? divide(left, right) : modulus(left, right);
      return result ? std::optional(left.with(*result)) : std::nullopt;
    }
    default:
      return compare(opcode, left, right);
  }
}

std::optional<TypedValue> unary_operation(uint8_t opcode, TypedValue operand) {
  if (operand.sign == Sign::kFloat) {
    const double number = operand.as_double();
    if (opcode == DW_OP_neg) return TypedValue::of_double(-number, operand.size);
    if (opcode == DW_OP_abs) return TypedValue::of_double(std::fabs(number), operand.size);
    return std::nullopt;
  }
  switch (opcode) {
    case DW_OP_neg:
      return operand.with(uint64_t{0} - operand.bits);
    case DW_OP_not:
      return operand.with(~operand.bits);
    case DW_OP_abs:
      if (operand.sign == Sign::kUnsigned || as_signed(operand.bits) >= 0) return operand;
      return operand.with(uint64_t{0} - operand.bits);
    default:
      return std::nullopt;
  }
}

}  // namespace inquest::dwarf
