#include "process/symbols/explanation.h"

#include <fmt/format.h>

namespace inquest::process {
namespace {

// The memory that the expression was loaded from holds something else by now.
void compare_with_memory(const Known& known, std::optional<uint64_t> in_register,
                         std::vector<std::string>& steps) {
  if (!in_register || !known.value || !known.location || *known.value == *in_register) return;
  steps.push_back(fmt::format("changed since: `{}` at {} now holds {}, the register {}",
                              spell(known), to_hex(*known.location), to_hex(*known.value),
                              to_hex(*in_register)));
}

std::string kind_of(const Known& known) {
  if (known.base_variable == "this" && known.form == Known::Form::kContents &&
      known.object.text != "this")
    return "member of this";
  return known.base_kind;
}

}  // namespace

SourceExpression expression_of(const Known& known, std::optional<uint64_t> in_register) {
  SourceExpression out;
  out.text = spell(known);
  if (known.type && known.types != nullptr) {
    out.type = known.types->name(*known.type);
    if (known.form == Known::Form::kAddress) out.type += known.is_reference ? "&" : "*";
  }
  out.base_variable = known.base_variable;
  out.base_kind = kind_of(known);
  // gcc: a variable that a coroutine keeps in its frame, which the source has no name for.
  if (known.base_variable == "frame_ptr" && out.text.find("frame_ptr") == std::string::npos) {
    const size_t start = std::min(out.text.find_first_not_of("*&("), out.text.size());
    const std::string_view rest = std::string_view(out.text).substr(start);
    out.base_variable = rest.substr(0, rest.find_first_of(".-[()+ "));
    out.base_kind = "local";
  }
  out.function = known.function;
  out.trust = known.trust;
  out.location = known.location;
  out.steps = known.steps;
  compare_with_memory(known, in_register, out.steps);
  const auto value = in_register ? in_register : known.value;
  out.value = value.value_or(0);
  out.value_known = value.has_value();
  return out;
}

SourceExpression constant_expression(uint64_t value) {
  SourceExpression out;
  out.text = value == 0 ? "0" : to_hex(value);
  out.base_kind = "constant";
  out.value = value;
  out.value_known = true;
  out.trust = ExpressionTrust::kTraced;
  out.steps.push_back("the code itself loads the constant " + to_hex(value));
  return out;
}

// The pointer in a sum, or the lone integer that is used as one.
const Known* pointer_in(const Traced& traced) {
  if (!traced.lost.empty()) return nullptr;
  if (traced.base) return &*traced.base;
  return traced.single();
}

void explain_address(Evidence& evidence, const Traced& address, uint64_t size,
                     OperandExplanation& out) {
  if (const auto located = locate(evidence, address, size)) {
    out.member = located->member;
    out.access = spell(located->path.object);
    if (!located->indices.empty())
      out.index = expression_of(located->indices.front(), located->indices.front().value);
  } else if (!address.terms.empty() && address.base) {
    out.index = expression_of(address.terms.front().second, address.terms.front().second.value);
  }
}

OperandExplanation explain_memory(Evidence& evidence, OperandTrace& trace, size_t at,
                                  size_t operand) {
  OperandExplanation out;
  const isa::Instruction& instruction = trace.code()[at];
  if (operand >= instruction.memory.size()) {
    out.why_not = "`" + instruction.text + "` has no such memory operand";
    return out;
  }
  const isa::MemoryOperand& memory = instruction.memory[operand];
  Traced address = trace.address_of(memory, at);
  if (!address.lost.empty()) {
    if (auto same = at == trace.current() ? trace.by_value(memory) : std::nullopt)
      address = std::move(*same);
  }
  if (const Known* pointer = pointer_in(address)) {
    // What stands in the base register is the pointer itself only when nothing was added on the
    // way.
    std::optional<uint64_t> value = pointer->value;
    if (memory.base) {
      const Traced base = trace.register_before(at, *memory.base);
      if (base.single() != nullptr && spell(*base.single()) == spell(*pointer))
        value = trace.register_value(at, *memory.base);
    }
    out.pointer = expression_of(*pointer, value);
    explain_address(evidence, address, memory.size, out);
  } else if (address.is_constant()) {
    out.pointer = constant_expression(address.offset - static_cast<uint64_t>(memory.displacement));
  } else {
    out.why_not = address.lost;
  }
  return out;
}

std::optional<SourceExpression> explain_register_of(Evidence& evidence, OperandTrace& trace,
                                                    size_t at, isa::RegisterId id) {
  const Traced traced = trace.register_before(at, id);
  if (traced.is_constant()) return constant_expression(traced.offset);
  const Known* known = traced.single();
  if (known != nullptr) return expression_of(*known, trace.register_value(at, id));
  // A sum: the address of something, if that has a name.
  const auto located = locate(evidence, traced, 0);
  if (!located) return std::nullopt;
  Known sum = located->from;
  sum.form = Known::Form::kAddress;
  sum.object = located->path.object;
  sum.type = located->path.type;
  sum.is_reference = false;
  return expression_of(sum, traced.value());
}

}  // namespace inquest::process
