// The typed numbers on the stack of a DWARF expression, and their arithmetic (DWARF 5
// section 2.5.1). Internal to the files of expressions.
#pragma once

#include <cstdint>
#include <optional>

#include "binary/dwarf/expression.h"

namespace inquest::dwarf {

// A number of the generic type (64 bits, no sign of its own), of an integer base type of 1 to 8
// bytes, or of a floating point type of 4 or 8.
struct TypedValue {
  enum class Sign : uint8_t { kGeneric, kUnsigned, kSigned, kFloat };
  uint64_t bits = 0;  // sign-extended when kSigned, else zero-extended
  uint8_t size = 8;
  Sign sign = Sign::kGeneric;

  static TypedValue generic(uint64_t value) { return {value, 8, Sign::kGeneric}; }
  // `bits` cut to `size` bytes and extended; 1 <= size <= 8.
  static TypedValue of(uint64_t bits, uint64_t size, Sign sign);
  // The same type with other contents.
  TypedValue with(uint64_t new_bits) const { return of(new_bits, size, sign); }
  static TypedValue of_double(double value, uint64_t size);  // 4 or 8 bytes
  double as_double() const;                                  // the number, whatever its type
  // The same number in another type, as far as it fits; nullopt for a float that no integer is.
  std::optional<TypedValue> converted(uint64_t new_size, Sign new_sign) const;
  bool same_type(const TypedValue& other) const { return size == other.size && sign == other.sign; }
};

// DW_OP_and … DW_OP_xor, DW_OP_eq … DW_OP_ne: `left` was pushed before `right`. nullopt: not an
// operation of two numbers, different types, or division by zero.
std::optional<TypedValue> binary_operation(uint8_t opcode, TypedValue left, TypedValue right);
// DW_OP_abs, neg, not.
std::optional<TypedValue> unary_operation(uint8_t opcode, TypedValue operand);

}  // namespace inquest::dwarf
