// The operations of plain numbers: constants, stack, arithmetic, jumps, registers, memory.
#include "binary/dwarf/expression_machine.h"

#include <dwarf.h>

#include <algorithm>

namespace inquest::dwarf {
namespace {

// Operations that <dwarf.h> may not name yet.
constexpr uint8_t kOpGnuReinterpret = 0xf9;

}  // namespace

bool Machine::run(ByteView expression, int nesting) {
  Cursor cursor(expression);
  while (!cursor.at_end()) {
    if (++steps_ > max_steps_) return fail(EvalFailure::kMalformed);
    const uint8_t opcode = cursor.u8();
    const bool ends_place = opcode == DW_OP_piece || opcode == DW_OP_bit_piece ||
                            opcode == DW_OP_GNU_uninit || opcode == DW_OP_nop;
    if (place_ && !ends_place) return fail(EvalFailure::kMalformed);
    if (!step(opcode, cursor, nesting)) return false;
    if (!cursor.ok()) return fail(EvalFailure::kMalformed);
  }
  return true;
}

bool Machine::step(uint8_t opcode, Cursor& cursor, int nesting) {
  if (opcode >= DW_OP_lit0 && opcode <= DW_OP_lit31) return push(opcode - DW_OP_lit0);
  if (opcode >= DW_OP_reg0 && opcode <= DW_OP_reg31) {
    return place({.kind = Piece::Kind::kRegister, .value = uint64_t{opcode} - DW_OP_reg0});
  }
  if (opcode >= DW_OP_breg0 && opcode <= DW_OP_breg31) return register_based(opcode, cursor);
  switch (opcode) {
    case DW_OP_addr: {
      const uint64_t link = cursor.u64();
      return cursor.ok() && push_or(context_.link_to_process(link), EvalFailure::kUnsupported);
    }
    case DW_OP_const1u:
    case DW_OP_const1s:
    case DW_OP_const2u:
    case DW_OP_const2s:
    case DW_OP_const4u:
    case DW_OP_const4s:
    case DW_OP_const8u:
    case DW_OP_const8s:
    case DW_OP_constu:
    case DW_OP_consts:
      return constant(opcode, cursor);
    case DW_OP_dup:
    case DW_OP_drop:
    case DW_OP_over:
    case DW_OP_pick:
    case DW_OP_swap:
    case DW_OP_rot:
      return shuffle(opcode, cursor);
    case DW_OP_deref:
      return dereference(8, Sign::kGeneric);
    case DW_OP_deref_size:
      return dereference(cursor.u8(), Sign::kGeneric);
    case DW_OP_skip:
    case DW_OP_bra:
      return jump(opcode, cursor);
    case DW_OP_fbreg:
    case DW_OP_bregx:
      return register_based(opcode, cursor);
    case DW_OP_regx:
      return place({.kind = Piece::Kind::kRegister, .value = cursor.uleb128()});
    case DW_OP_nop:
    case DW_OP_GNU_uninit:
      return true;
    case DW_OP_piece:
    case DW_OP_bit_piece:
    case DW_OP_stack_value:
    case DW_OP_implicit_value:
    case DW_OP_implicit_pointer:
    case DW_OP_GNU_implicit_pointer:
      return describe(opcode, cursor);
    case DW_OP_const_type:
    case DW_OP_GNU_const_type:
    case DW_OP_regval_type:
    case DW_OP_GNU_regval_type:
    case DW_OP_deref_type:
    case DW_OP_GNU_deref_type:
    case DW_OP_convert:
    case DW_OP_GNU_convert:
    case DW_OP_reinterpret:
    case kOpGnuReinterpret:
      return typed(opcode, cursor);
    case DW_OP_call2:
    case DW_OP_call4:
    case DW_OP_call_ref:
    case DW_OP_push_object_address:
    case DW_OP_form_tls_address:
    case DW_OP_GNU_push_tls_address:
    case DW_OP_call_frame_cfa:
    case DW_OP_entry_value:
    case DW_OP_GNU_entry_value:
    case DW_OP_addrx:
    case DW_OP_GNU_addr_index:
    case DW_OP_constx:
    case DW_OP_GNU_const_index:
    case DW_OP_GNU_parameter_ref:
      return ask_context(opcode, cursor, nesting);
    default:
      return arithmetic(opcode, cursor);
  }
}

bool Machine::constant(uint8_t opcode, Cursor& cursor) {
  switch (opcode) {
    case DW_OP_const1u:
      return push(cursor.u8());
    case DW_OP_const1s:
      return push(static_cast<uint64_t>(cursor.i8()));
    case DW_OP_const2u:
      return push(cursor.u16());
    case DW_OP_const2s:
      return push(static_cast<uint64_t>(cursor.i16()));
    case DW_OP_const4u:
      return push(cursor.u32());
    case DW_OP_const4s:
      return push(static_cast<uint64_t>(cursor.i32()));
    case DW_OP_const8u:
    case DW_OP_const8s:
      return push(cursor.u64());
    case DW_OP_constu:
      return push(cursor.uleb128());
    default:
      return push(static_cast<uint64_t>(cursor.sleb128()));
  }
}

bool Machine::shuffle(uint8_t opcode, Cursor& cursor) {
  const size_t depth = stack_.size();
  const size_t pick = opcode == DW_OP_pick ? cursor.u8() : opcode == DW_OP_over ? 1 : 0;
  const size_t needed = opcode == DW_OP_rot ? 3 : opcode == DW_OP_swap ? 2 : pick + 1;
  if (depth < needed) return fail(EvalFailure::kMalformed);
  switch (opcode) {
    case DW_OP_drop:
      stack_.pop_back();
      return true;
    case DW_OP_swap:
      std::swap(stack_[depth - 1], stack_[depth - 2]);
      return true;
    case DW_OP_rot:
      std::rotate(stack_.end() - 3, stack_.end() - 1, stack_.end());
      return true;
    default:
      return push(stack_[depth - 1 - pick]);  // dup, over, pick
  }
}

bool Machine::arithmetic(uint8_t opcode, Cursor& cursor) {
  switch (opcode) {
    case DW_OP_abs:
    case DW_OP_neg:
    case DW_OP_not: {
      const auto operand = pop();
      const auto result = operand ? unary_operation(opcode, *operand) : std::nullopt;
      return result ? push(*result) : fail(EvalFailure::kMalformed);
    }
    case DW_OP_plus_uconst: {
      const uint64_t addend = cursor.uleb128();
      const auto operand = pop();
      if (!operand || operand->sign == Sign::kFloat) return fail(EvalFailure::kMalformed);
      return push(operand->with(operand->bits + addend));
    }
    case DW_OP_and:
    case DW_OP_div:
    case DW_OP_minus:
    case DW_OP_mod:
    case DW_OP_mul:
    case DW_OP_or:
    case DW_OP_plus:
    case DW_OP_shl:
    case DW_OP_shr:
    case DW_OP_shra:
    case DW_OP_xor:
    case DW_OP_eq:
    case DW_OP_ge:
    case DW_OP_gt:
    case DW_OP_le:
    case DW_OP_lt:
    case DW_OP_ne: {
      const auto right = pop();
      const auto left = pop();
      if (!left || !right) return fail(EvalFailure::kMalformed);
      const auto result = binary_operation(opcode, *left, *right);
      return result ? push(*result) : fail(EvalFailure::kMalformed);
    }
    default:
      return fail(EvalFailure::kUnsupported);
  }
}

bool Machine::jump(uint8_t opcode, Cursor& cursor) {
  const int16_t distance = cursor.i16();
  if (opcode == DW_OP_bra) {
    const auto condition = pop();
    if (!condition) return fail(EvalFailure::kMalformed);
    if (condition->bits == 0) return true;
  }
  const int64_t target = static_cast<int64_t>(cursor.offset()) + distance;
  if (target < 0) return fail(EvalFailure::kMalformed);
  cursor.seek(static_cast<uint64_t>(target));
  return true;
}

bool Machine::register_based(uint8_t opcode, Cursor& cursor) {
  if (opcode == DW_OP_fbreg) {
    const int64_t offset = cursor.sleb128();
    const auto base = context_.frame_base();
    return base ? push(*base + static_cast<uint64_t>(offset)) : fail(EvalFailure::kNoFrameBase);
  }
  const uint64_t number = opcode == DW_OP_bregx ? cursor.uleb128() : uint64_t{opcode} - DW_OP_breg0;
  const int64_t offset = cursor.sleb128();
  const auto value = context_.dwarf_register(number);
  return value ? push(*value + static_cast<uint64_t>(offset)) : fail(EvalFailure::kUnknownRegister);
}

bool Machine::dereference(uint64_t size, Sign sign) {
  const auto address = pop();
  if (!address || size == 0) return fail(EvalFailure::kMalformed);
  if (size > 8) return fail(EvalFailure::kUnsupported);
  const auto value = context_.memory(Address(address->bits), size);
  if (!value) return fail(EvalFailure::kMissingMemory);
  return push(sign == Sign::kGeneric ? TypedValue::generic(*value)
                                     : TypedValue::of(*value, size, sign));
}

}  // namespace inquest::dwarf
