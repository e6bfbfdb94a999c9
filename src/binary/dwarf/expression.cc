#include "binary/dwarf/expression.h"

#include <dwarf.h>

#include <algorithm>

#include "base/cursor.h"
#include "binary/dwarf/expression_value.h"

namespace inquest::dwarf {
namespace {

using Sign = TypedValue::Sign;

// Operations that <dwarf.h> may not name yet.
constexpr uint8_t kOpGnuReinterpret = 0xf9;

std::optional<Sign> sign_of(const BaseType& type) {
  switch (type.kind) {
    case BaseType::Kind::kUnsigned:
      return Sign::kUnsigned;
    case BaseType::Kind::kSigned:
      return Sign::kSigned;
    default:
      return std::nullopt;
  }
}

class Machine {
 public:
  explicit Machine(const ExpressionContext& context, int max_steps = kMaxExpressionSteps)
      : context_(context), max_steps_(max_steps) {
    stack_.reserve(16);
  }

  void push_initial(uint64_t value) { stack_.push_back(TypedValue::generic(value)); }
  // Runs to the end of `expression`; false after a failure.
  bool run(ByteView expression, int nesting = 0);
  Evaluated finish();
  EvalFailure failure() const { return failure_; }
  // The place that the expression names when it has no pieces.
  std::optional<Piece> simple_location() const;
  bool has_pieces() const { return !pieces_.empty(); }

 private:
  bool fail(EvalFailure why) {
    failure_ = why;
    return false;
  }
  bool push(TypedValue value) {
    if (stack_.size() >= kMaxExpressionStack) return fail(EvalFailure::kMalformed);
    stack_.push_back(value);
    return true;
  }
  bool push(uint64_t value) { return push(TypedValue::generic(value)); }
  bool push_or(std::optional<uint64_t> value, EvalFailure why) {
    return value ? push(*value) : fail(why);
  }
  std::optional<TypedValue> pop() {
    if (stack_.empty()) return std::nullopt;
    const TypedValue top = stack_.back();
    stack_.pop_back();
    return top;
  }
  bool place(Piece piece) {
    place_ = piece;
    return true;
  }

  bool step(uint8_t opcode, Cursor& cursor, int nesting);
  bool constant(uint8_t opcode, Cursor& cursor);
  bool shuffle(uint8_t opcode, Cursor& cursor);
  bool arithmetic(uint8_t opcode, Cursor& cursor);
  bool jump(uint8_t opcode, Cursor& cursor);
  bool register_based(uint8_t opcode, Cursor& cursor);
  bool dereference(uint64_t size, Sign sign);
  bool describe(uint8_t opcode, Cursor& cursor);
  bool typed(uint8_t opcode, Cursor& cursor);
  bool convert(uint64_t type_offset, bool reinterpret);
  bool ask_context(uint8_t opcode, Cursor& cursor, int nesting);
  bool call(uint64_t die_offset, int nesting);
  bool end_piece(uint64_t bit_size, uint64_t bit_offset);

  const ExpressionContext& context_;
  int max_steps_;
  std::vector<TypedValue> stack_;
  std::optional<Piece> place_;  // a register, value, … instead of the address on top of the stack
  std::vector<Piece> pieces_;
  int steps_ = 0;
  EvalFailure failure_ = EvalFailure::kMalformed;
};

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
      return operand ? push(*unary_operation(opcode, *operand)) : fail(EvalFailure::kMalformed);
    }
    case DW_OP_plus_uconst: {
      const uint64_t addend = cursor.uleb128();
      const auto operand = pop();
      return operand ? push(operand->with(operand->bits + addend)) : fail(EvalFailure::kMalformed);
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
    const auto value = context_.dwarf_register(number);
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
    return push(TypedValue::generic(value->bits));
  }
  const auto type = context_.base_type(type_offset);
  const auto sign = type ? sign_of(*type) : std::nullopt;
  if (!sign || type->size == 0 || type->size > 8) return fail(EvalFailure::kUnsupported);
  if (reinterpret && type->size != value->size) return fail(EvalFailure::kMalformed);
  return push(TypedValue::of(value->bits, type->size, *sign));
}

bool Machine::ask_context(uint8_t opcode, Cursor& cursor, int nesting) {
  switch (opcode) {
    case DW_OP_call2:
      return call(cursor.u16(), nesting);
    case DW_OP_call4:
      return call(cursor.u32(), nesting);
    case DW_OP_call_ref:
      return call(context_.offset_size() == 8 ? cursor.u64() : cursor.u32(), nesting);
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

bool Machine::call(uint64_t die_offset, int nesting) {
  if (nesting >= kMaxExpressionNesting) return fail(EvalFailure::kMalformed);
  const auto expression = context_.called_expression(die_offset);
  if (!expression) return fail(EvalFailure::kUnsupported);
  return run(*expression, nesting + 1);
}

std::optional<Piece> Machine::simple_location() const {
  if (place_) return place_;
  if (stack_.empty()) return std::nullopt;
  return Piece{.kind = Piece::Kind::kMemory, .value = stack_.back().bits};
}

Evaluated Machine::finish() {
  const auto last = simple_location();
  if (!pieces_.empty()) {
    // A place that no DW_OP_piece claimed belongs to nothing.
    if (last) return {.location = std::nullopt, .failure = EvalFailure::kMalformed};
    return {.location = Location{std::move(pieces_)}};
  }
  if (!last) return {.location = Location{}};
  return {.location = Location{{*last}}};
}

}  // namespace

std::optional<uint64_t> ExpressionContext::tls_address(uint64_t) const { return std::nullopt; }
std::optional<uint64_t> ExpressionContext::link_to_process(uint64_t) const { return std::nullopt; }
std::optional<uint64_t> ExpressionContext::indexed_address(uint64_t) const { return std::nullopt; }
std::optional<uint64_t> ExpressionContext::entry_value(ByteView) const { return std::nullopt; }
std::optional<ByteView> ExpressionContext::called_expression(uint64_t) const {
  return std::nullopt;
}
std::optional<BaseType> ExpressionContext::base_type(uint64_t) const { return std::nullopt; }

std::string_view to_string(EvalFailure failure) {
  switch (failure) {
    case EvalFailure::kUnknownRegister:
      return "its register was lost in a called function";
    case EvalFailure::kMissingMemory:
      return "memory it depends on is not in the core";
    case EvalFailure::kNoEntryValue:
      return "its value at function entry was not recorded by the caller";
    case EvalFailure::kNoFrameBase:
      return "the frame base is unknown";
    case EvalFailure::kNoTls:
      return "the thread-local storage block was not found";
    case EvalFailure::kUnsupported:
      return "its location uses an operation that is not supported";
    case EvalFailure::kMalformed:
      return "its location description is malformed";
  }
  return "unknown";
}

Evaluated evaluate(ByteView expression, const ExpressionContext& context) {
  Machine machine(context);
  if (!machine.run(expression)) return {.location = std::nullopt, .failure = machine.failure()};
  return machine.finish();
}

std::optional<uint64_t> evaluate_to_value(ByteView expression, const ExpressionContext& context,
                                          std::optional<uint64_t> initial, int max_steps) {
  Machine machine(context, max_steps);
  if (initial) machine.push_initial(*initial);
  if (!machine.run(expression) || machine.has_pieces()) return std::nullopt;
  const auto result = machine.simple_location();
  if (!result) return std::nullopt;
  switch (result->kind) {
    case Piece::Kind::kMemory:
    case Piece::Kind::kValue:
      return result->value;
    case Piece::Kind::kRegister:
      return context.dwarf_register(result->value);
    case Piece::Kind::kBytes: {
      if (result->bytes.size() > 8) return std::nullopt;
      uint64_t value = 0;
      for (size_t i = 0; i < result->bytes.size(); ++i)
        value |= uint64_t{result->bytes[i]} << (8 * i);
      return value;
    }
    case Piece::Kind::kImplicitPointer:
    case Piece::Kind::kEmpty:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace inquest::dwarf
