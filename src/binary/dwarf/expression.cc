// What an expression comes to: a location, or a plain number.
#include "binary/dwarf/expression.h"

#include "binary/dwarf/expression_machine.h"

namespace inquest::dwarf {

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

std::optional<uint64_t> ExpressionContext::tls_address(uint64_t) const { return std::nullopt; }
std::optional<uint64_t> ExpressionContext::link_to_process(uint64_t) const { return std::nullopt; }
std::optional<uint64_t> ExpressionContext::indexed_address(uint64_t) const { return std::nullopt; }
std::optional<uint64_t> ExpressionContext::entry_value(ByteView) const { return std::nullopt; }
std::optional<ByteView> ExpressionContext::called_expression(uint64_t, bool) const {
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
