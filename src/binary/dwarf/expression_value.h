// The typed integers on the stack of a DWARF expression, and their arithmetic (DWARF 5
// section 2.5.1). Internal to expression.cc.
#pragma once

#include <cstdint>
#include <optional>

#include "binary/dwarf/expression.h"

namespace inquest::dwarf {

// A number of the generic type (64 bits, no sign of its own) or of an integer base type of 1 to 8
// bytes.
struct TypedValue {
  enum class Sign : uint8_t { kGeneric, kUnsigned, kSigned };
  uint64_t bits = 0;  // sign-extended when kSigned, else zero-extended
  uint8_t size = 8;
  Sign sign = Sign::kGeneric;

  static TypedValue generic(uint64_t value) { return {value, 8, Sign::kGeneric}; }
  // `bits` cut to `size` bytes and extended; 1 <= size <= 8.
  static TypedValue of(uint64_t bits, uint64_t size, Sign sign);
  // The same type with other contents.
  TypedValue with(uint64_t new_bits) const { return of(new_bits, size, sign); }
  bool same_type(const TypedValue& other) const { return size == other.size && sign == other.sign; }
};

// DW_OP_and … DW_OP_xor, DW_OP_eq … DW_OP_ne: `left` was pushed before `right`. nullopt: not an
// operation of two numbers, different types, or division by zero.
std::optional<TypedValue> binary_operation(uint8_t opcode, TypedValue left, TypedValue right);
// DW_OP_abs, neg, not.
std::optional<TypedValue> unary_operation(uint8_t opcode, TypedValue operand);

}  // namespace inquest::dwarf
