#include "process/symbols/variables.h"

#include <fmt/format.h>

#include "process/symbols/evidence.h"
#include "process/symbols/explanation.h"
#include "process/symbols/operand_trace.h"
#include "process/symbols/value_printer.h"

namespace inquest::process {

using dwarf::VariableInfo;

namespace {

constexpr size_t kMaxVariables = 2'000;  // of one frame

Value absent(ValueState state, std::string why) {
  Value out;
  out.state = state;
  out.why = std::move(why);
  return out;
}

Value value_of(const FrameVariable& variable, const FrameContext& context, ValuePrinter& printer) {
  const VariableInfo& info = variable.info;
  if (!info.type) return absent(ValueState::kUnknown, "its type is not recorded");
  if (info.constant || info.constant_bytes) return printer.print(*info.type, constant_place(info));
  if (!info.location) return absent(ValueState::kOptimizedOut, "");
  const uint64_t size = context.types()->size(*info.type).value_or(8);
  return printer.print(*info.type, place_of(variable.where, size, context));
}

// What compilers add to a coroutine. Its promise stays: that is an object of the program's own
// type.
bool is_of_coroutine(const FrameVariable& variable, Types& types) {
  const std::string& name = variable.info.name;
  if (name == "_Coro_promise") return false;
  if (name.starts_with("_Coro_") || name.starts_with("__coro_")) return true;
  return name == "frame_ptr" && variable.info.type &&
         types.name(*variable.info.type).ends_with(".Frame*");
}

Variable described(const FrameVariable& variable, const FrameContext& context,
                   ValuePrinter& printer) {
  const VariableInfo& info = variable.info;
  Variable out;
  out.name = info.name;
  if (info.type) {
    out.type = context.types()->name(*info.type);
    out.is_pointer = is_pointer_like(context.types()->strip(*info.type));
  }
  out.is_argument = info.is_parameter;
  out.function = variable.function;
  out.declared_line = info.decl_line;
  out.declared_file = info.decl_file;
  out.is_constant_expression = info.constant || info.constant_bytes;
  out.value = value_of(variable, context, printer);
  return out;
}

// The function that the call of stack.frames[caller] entered, when it is not the one that
// stack.frames[caller - 1] is in: that one was reached by a tail call out of it.
std::optional<Address> entered_instead(Evidence& evidence, const Stack& stack, size_t caller,
                                       const OperandTrace& trace) {
  const isa::Instruction& call = trace.code()[trace.current()];
  if (caller == 0 || !call.target.direct) return std::nullopt;
  const CodeName& callee = evidence.names.at(stack.frames[caller - 1].lookup_pc());
  const Address entered = evidence.names.through_stub(*call.target.direct);
  const CodeName& first = evidence.names.at(entered);
  if (callee.name.empty() || first.name.empty() || callee.start == first.start) return std::nullopt;
  return entered;
}

// What the function at `entered` left in `id` when it jumped to the function that `reached` is in.
Traced passed_by_jump(Evidence& evidence, Address entered, const Frame& reached,
                      isa::RegisterId id) {
  const CodeName& callee = evidence.names.at(reached.lookup_pc());
  Stack alone;
  Frame& frame = alone.frames.emplace_back();
  frame.pc = entered;
  frame.interrupted = true;
  frame.registers = isa::RegisterFile(evidence.image.arch);
  OperandTrace trace(evidence, alone, 0);
  if (!trace.why_not().empty()) return Traced::unknown(trace.why_not());
  for (size_t i = 0; i < trace.code().size(); ++i) {
    const isa::Instruction& jump = trace.code()[i];
    if (jump.flow != isa::Flow::kJump || !jump.target.direct) continue;
    const Address target = evidence.names.through_stub(*jump.target.direct);
    if (target == callee.start || evidence.names.at(target).name == callee.name)
      return trace.register_before(i, id);
  }
  return Traced::unknown(fmt::format("{}() was entered, and went on by a jump to {}()",
                                     evidence.names.at(entered).name, callee.name));
}

}  // namespace

struct VariableReader::State {
  Evidence evidence;
  State(const ProcessImage& image, const ModuleSet& modules, DebugInfos* shared)
      : evidence(image, modules, shared) {}
};

VariableReader::VariableReader(const ProcessImage& image, const ModuleSet& modules)
    : state_(std::make_unique<State>(image, modules, nullptr)) {}
VariableReader::VariableReader(const ProcessImage& image, const ModuleSet& modules,
                               DebugInfos& shared)
    : state_(std::make_unique<State>(image, modules, &shared)) {}
VariableReader::~VariableReader() = default;

Evidence& VariableReader::evidence() { return state_->evidence; }

std::vector<Variable> VariableReader::variables(const Stack& stack, size_t index,
                                                const ValueOptions& options) {
  std::vector<Variable> out;
  if (index >= stack.frames.size()) return out;
  Evidence& evidence = state_->evidence;
  FrameContext context(evidence, stack, index);
  if (context.types() == nullptr) return out;
  FrameVariables variables(context);
  ValuePrinter printer(*context.types(), evidence.memory, evidence.names, options);
  for (const FrameVariable& variable : variables.at(context.link_pc())) {
    if (out.size() >= kMaxVariables) break;
    if (variable.info.name.empty() || variable.info.is_external_declaration) continue;
    if (is_of_coroutine(variable, *context.types())) continue;
    out.push_back(described(variable, context, printer));
  }
  return out;
}

OperandExplanation VariableReader::explain_operand(const Stack& stack, size_t index,
                                                   size_t operand) {
  OperandExplanation out;
  if (index >= stack.frames.size()) {
    out.why_not = "no such frame";
    return out;
  }
  OperandTrace trace(state_->evidence, stack, index);
  out.why_not = trace.why_not();
  if (!out.why_not.empty()) return out;
  return explain_memory(state_->evidence, trace, trace.current(), operand);
}

std::optional<SourceExpression> VariableReader::explain_register(const Stack& stack, size_t index,
                                                                 isa::RegisterId register_id) {
  if (index >= stack.frames.size()) return std::nullopt;
  OperandTrace trace(state_->evidence, stack, index);
  if (!trace.why_not().empty()) return std::nullopt;
  return explain_register_of(state_->evidence, trace, trace.current(), register_id);
}

OperandExplanation VariableReader::explain_call_target(const Stack& stack, size_t caller) {
  OperandExplanation out;
  if (caller >= stack.frames.size()) {
    out.why_not = "no such frame";
    return out;
  }
  OperandTrace trace(state_->evidence, stack, caller);
  out.why_not = trace.why_not();
  if (!out.why_not.empty()) return out;
  const isa::Instruction& call = trace.code()[trace.current()];
  Traced target = Traced::unknown("`" + call.text + "` calls no pointer");
  if (call.target.through_register) {
    target = trace.register_before(trace.current(), *call.target.through_register);
  } else if (call.target.through_memory && !call.memory.empty()) {
    const Traced slot = trace.address_of(call.memory[0], trace.current());
    target = trace.read_at(slot, 8, trace.current());
  }
  if (const Known* known = pointer_in(target)) {
    out.pointer = expression_of(*known, known->value);
    out.member = known->member;
    out.access = out.pointer->text;
  } else if (target.is_constant()) {
    out.pointer = constant_expression(target.offset);
  } else {
    out.why_not = target.lost;
  }
  return out;
}

OperandExplanation VariableReader::explain_argument(const Stack& stack, size_t caller,
                                                    unsigned argument) {
  OperandExplanation out;
  if (caller >= stack.frames.size() || stack.frames[caller].interrupted) {
    out.why_not = "no frame that made a call";
    return out;
  }
  OperandTrace trace(state_->evidence, stack, caller);
  out.why_not = trace.why_not();
  if (!out.why_not.empty()) return out;
  const auto id = isa::argument_register(trace.code().arch(), argument);
  if (!id) {
    out.why_not = "argument " + std::to_string(argument) + " is passed on the stack";
    return out;
  }
  Traced traced = trace.register_before(trace.current(), *id);
  if (const auto between = entered_instead(state_->evidence, stack, caller, trace)) {
    // A stub of the C++ library (operator delete) hands on what it got; only the program's
    // functions are followed.
    Traced passed = passed_by_jump(state_->evidence, *between, stack.frames[caller - 1], *id);
    const Module* module = state_->evidence.modules.find(*between);
    if (passed.lost.empty() ||
        (module != nullptr && state_->evidence.files.types(*module) != nullptr))
      traced = std::move(passed);
  }
  if (const Known* known = traced.single()) {
    out.pointer = expression_of(*known, known->value);
    out.member = known->member;
    out.access = out.pointer->text;
  } else if (traced.is_constant()) {
    out.pointer = constant_expression(traced.offset);
  } else if (const Known* pointer = pointer_in(traced)) {
    out.pointer = expression_of(*pointer, pointer->value);
    explain_address(state_->evidence, traced, 0, out);
  } else {
    out.why_not = traced.lost.empty() ? "a computed number" : traced.lost;
  }
  return out;
}

std::optional<std::string> VariableReader::describe_global(Address address) {
  const auto located = locate(state_->evidence, Traced::number(address.value), 0);
  if (!located) return std::nullopt;
  std::string text = spell(located->path.object);
  if (located->path.remainder != 0) text += fmt::format(" + {}", located->path.remainder);
  return text;
}

}  // namespace inquest::process
