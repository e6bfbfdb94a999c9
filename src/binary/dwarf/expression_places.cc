// The operations that describe places and types, and those that ask the frame.
#include <dwarf.h>

#include <algorithm>

#include "binary/dwarf/expression_machine.h"

namespace inquest::dwarf {
namespace {

using Sign = TypedValue::Sign;

constexpr uint8_t kOpGnuReinterpret = 0xf9;

std::optional<Sign> sign_of(const BaseType& type) {
  switch (type.kind) {
    case BaseType::Kind::kUnsigned:
      return Sign::kUnsigned;
    case BaseType::Kind::kSigned:
      return Sign::kSigned;
    case BaseType::Kind::kFloat:
      return type.size == 4 || type.size == 8 ? std::optional(Sign::kFloat) : std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

bool Machine::describe(uint8_t opcode, Cursor& cursor) {
  switch (opcode) {
    case DW_OP_piece: {
      const uint64_t bytes = cursor.uleb128();
      const auto bits = checked_multiply(bytes, 8);
      return bits ? end_piece(*bits, 0) : fail(EvalFailure::kMalformed);
    }
    case DW_OP_bit_piece: {
      const uint64_t size = cursor.uleb128();
      return end_piece(size, cursor.uleb128());
    }
    case DW_OP_stack_value: {
      const auto value = pop();
      if (!value) return fail(EvalFailure::kMalformed);
      return place({.kind = Piece::Kind::kValue, .value = value->bits});
    }
    case DW_OP_implicit_value: {
      const uint64_t size = cursor.uleb128();
      return place({.kind = Piece::Kind::kBytes, .bytes = cursor.bytes(size)});
    }
    default: {  // implicit_pointer
      const uint64_t die = context_.offset_size() == 8 ? cursor.u64() : cursor.u32();
      return place(
          {.kind = Piece::Kind::kImplicitPointer, .value = die, .offset = cursor.sleb128()});
    }
  }
}

bool Machine::end_piece(uint64_t bit_size, uint64_t bit_offset) {
  Piece piece = simple_location().value_or(Piece{});
  piece.bit_size = bit_size;
  piece.bit_offset = bit_offset;
  pieces_.push_back(piece);
  place_.reset();
  stack_.clear();
  return true;
}

bool Machine::typed(uint8_t opcode, Cursor& cursor) {
  if (opcode == DW_OP_convert || opcode == DW_OP_GNU_convert)
    return convert(cursor.uleb128(), false);
  if (opcode == DW_OP_reinterpret || opcode == kOpGnuReinterpret)
    return convert(cursor.uleb128(), true);

  const bool is_constant = opcode == DW_OP_const_type || opcode == DW_OP_GNU_const_type;
  const bool is_register = opcode == DW_OP_regval_type || opcode == DW_OP_GNU_regval_type;
  // The operands: type, size, bytes · register, type · size, type.
  uint64_t size = is_constant || is_register ? 0 : cursor.u8();
  const uint64_t number = is_register ? cursor.uleb128() : 0;
  const uint64_t type_offset = cursor.uleb128();
  ByteView bytes;
  if (is_constant) {
    size = cursor.u8();
    bytes = cursor.bytes(size);
  }
  if (!cursor.ok()) return fail(EvalFailure::kMalformed);

  const auto type = context_.base_type(type_offset);
  const auto sign = type ? sign_of(*type) : std::optional(Sign::kGeneric);
  if (!sign || size > 8 || (type && type->size > 8)) return fail(EvalFailure::kUnsupported);
  if (is_register) {
    const auto value = context_.low_bits(number);
    if (!value) return fail(EvalFailure::kUnknownRegister);
    return push(type ? TypedValue::of(*value, type->size, *sign) : TypedValue::generic(*value));
  }
  if (!is_constant) return dereference(size, *sign);
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) value |= uint64_t{bytes[i]} << (8 * i);
  return push(TypedValue::of(value, std::max<uint64_t>(size, 1), *sign));
}

// To convert keeps the number as far as it fits, to reinterpret keeps the bits. For integers in
// two's complement both cut or extend: convert by the sign that the number had, reinterpret only
// between equal sizes.
bool Machine::convert(uint64_t type_offset, bool reinterpret) {
  const auto value = pop();
  if (!value) return fail(EvalFailure::kMalformed);
  if (type_offset == 0) {
    if (reinterpret && value->size != 8) return fail(EvalFailure::kMalformed);
    const auto number = reinterpret ? value : value->converted(8, Sign::kGeneric);
    return number ? push(TypedValue::generic(number->bits)) : fail(EvalFailure::kUnsupported);
  }
  const auto type = context_.base_type(type_offset);
  const auto sign = type ? sign_of(*type) : std::nullopt;
  if (!sign || type->size == 0 || type->size > 8) return fail(EvalFailure::kUnsupported);
  if (reinterpret) {
    if (type->size != value->size) return fail(EvalFailure::kMalformed);
    return push(TypedValue::of(value->bits, type->size, *sign));
  }
  const auto number = value->converted(type->size, *sign);
  return number ? push(*number) : fail(EvalFailure::kUnsupported);
}

bool Machine::ask_context(uint8_t opcode, Cursor& cursor, int nesting) {
  switch (opcode) {
    case DW_OP_call2:
      return call(cursor.u16(), true, nesting);
    case DW_OP_call4:
      return call(cursor.u32(), true, nesting);
    case DW_OP_call_ref:
      return call(context_.offset_size() == 8 ? cursor.u64() : cursor.u32(), false, nesting);
    case DW_OP_push_object_address:
      return push_or(context_.object_address(), EvalFailure::kUnsupported);
    case DW_OP_call_frame_cfa: {
      const auto cfa = context_.call_frame_cfa();
      return cfa ? push(cfa->value) : fail(EvalFailure::kNoFrameBase);
    }
    case DW_OP_form_tls_address:
    case DW_OP_GNU_push_tls_address: {
      const auto offset = pop();
      if (!offset) return fail(EvalFailure::kMalformed);
      return push_or(context_.tls_address(offset->bits), EvalFailure::kNoTls);
    }
    case DW_OP_entry_value:
    case DW_OP_GNU_entry_value: {
      const ByteView expression = cursor.bytes(cursor.uleb128());
      if (!cursor.ok() || expression.empty()) return fail(EvalFailure::kMalformed);
      return push_or(context_.entry_value(expression), EvalFailure::kNoEntryValue);
    }
    case DW_OP_addrx:
    case DW_OP_GNU_addr_index: {
      const auto link = context_.indexed_address(cursor.uleb128());
      if (!link) return fail(EvalFailure::kUnsupported);
      return push_or(context_.link_to_process(*link), EvalFailure::kUnsupported);
    }
    case DW_OP_constx:
    case DW_OP_GNU_const_index:
      return push_or(context_.indexed_address(cursor.uleb128()), EvalFailure::kUnsupported);
    default:  // GNU_parameter_ref: what the caller passed; nobody recorded it for us
      return fail(EvalFailure::kNoEntryValue);
  }
}

bool Machine::call(uint64_t die_offset, bool in_unit, int nesting) {
  if (nesting >= kMaxExpressionNesting) return fail(EvalFailure::kMalformed);
  const auto expression = context_.called_expression(die_offset, in_unit);
  if (!expression) return fail(EvalFailure::kUnsupported);
  return run(*expression, nesting + 1);
}

}  // namespace inquest::dwarf
