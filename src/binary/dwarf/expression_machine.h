// Machine: the stack machine of DWARF expressions. Internal to the files of expressions.
#pragma once

#include <optional>
#include <vector>

#include "base/cursor.h"
#include "binary/dwarf/expression.h"
#include "binary/dwarf/expression_value.h"

namespace inquest::dwarf {

class Machine {
 public:
  using Sign = TypedValue::Sign;

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
  bool call(uint64_t die_offset, bool in_unit, int nesting);
  bool end_piece(uint64_t bit_size, uint64_t bit_offset);

  const ExpressionContext& context_;
  int max_steps_;
  std::vector<TypedValue> stack_;
  std::optional<Piece> place_;  // a register, value, … instead of the address on top of the stack
  std::vector<Piece> pieces_;
  int steps_ = 0;
  EvalFailure failure_ = EvalFailure::kMalformed;
};

}  // namespace inquest::dwarf
