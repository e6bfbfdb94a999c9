#include "diagnosis/facts/origin.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "diagnosis/facts/origin_lifetime.h"
#include "diagnosis/facts/origin_trace.h"

namespace inquest::diagnosis {

using isa::RegisterId;
using process::Spot;

namespace {

constexpr unsigned kRegisterArguments = 6;
constexpr int kCrashedIn = 30;  // the function that crashed
constexpr int kIsCaller = 12;   // its caller, and less for those further out
constexpr int kRestOfStack = 4;
constexpr int kIsAtIt = 25;  // runs in another thread right now

class Start {
 public:
  Start(const Site& site, const Facts& facts) : site_(site), facts_(facts), code_(site) {}

  OriginFacts trace() {
    suspect_stack();
    if (const auto value = find()) {
      OriginTrace(code_, trail_).follow(*value);
    }
    blame_lifetime(code_, facts_, trail_);
    watch_others();
    OriginFacts out;
    out.blamed = trail_.ranked();
    out.steps = trail_.take_steps();
    return out;
  }

 private:
  // Before anything is known: the crashing function, then its callers.
  void suspect_stack() {
    const auto& frames = facts_.crashing.frames;
    if (!facts_.user_frame) return;
    int weight = kCrashedIn;
    for (size_t i = *facts_.user_frame; i < frames.size() && weight > 0; ++i) {
      for (size_t f = i == *facts_.user_frame ? facts_.user_function.value_or(0) : 0;
           f < frames[i].functions.size(); ++f) {
        const FunctionFact& function = frames[i].functions[f];
        if (function.role != CodeRole::kUser) continue;
        CodePlace place;
        place.pc = frames[i].pc;
        place.function = function.short_name;
        place.file = function.file;
        place.line = function.line;
        place.role = function.role;
        place.module = frames[i].module;
        place.module_offset = frames[i].module_offset;
        const bool crashed = weight == kCrashedIn;
        trail_.suspect(place, i, weight, crashed ? "it crashed here" : "called what crashed");
        weight = crashed ? kIsCaller : weight - kRestOfStack;
      }
    }
  }

  // Who wrote it may still be at it, in another thread.
  void watch_others() {
    std::set<std::string> told, on_own_stack;
    for (const FrameFact& frame : facts_.crashing.frames)
      for (const FunctionFact& function : frame.functions) on_own_stack.insert(function.short_name);
    for (const StackFacts& other : facts_.others) {
      for (const FrameFact& frame : other.frames)
        for (const FunctionFact& function : frame.functions)
          if (!on_own_stack.contains(function.short_name) &&
              told.insert(function.short_name).second)
            trail_.corroborate(function.short_name, kIsAtIt, "and another thread is in it");
    }
  }

  std::optional<Followed> in_register(FunctionBody& body, size_t at, RegisterId id,
                                      std::string name) {
    return Followed{.body = &body,
                    .at = at,
                    .spot = Spot::in_register(id),
                    .value = body.flow().value(at, id),
                    .name = std::move(name)};
  }

  // The register of the operand that the access was refused for.
  std::optional<Followed> from_operand(const OperandFacts& operand, size_t frame) {
    FunctionBody* body = code_.of_frame(frame);
    if (body == nullptr) return std::nullopt;
    const bool is_index = operand.bad_register.empty() && operand.index;
    // An index without a name goes by its register.
    std::optional<RegisterId> id =
        isa::register_by_name(site_.arch(), is_index ? operand.index->text : operand.bad_register);
    const isa::Instruction& one = body->code()[body->current()];
    if (!id && is_index && !one.memory.empty()) id = one.memory[0].index;
    if (!id) return std::nullopt;
    const auto& expression = is_index ? operand.index : operand.expression;
    std::string name = expression && expression->base_kind != "constant" ? expression->text : "";
    if (is_index && name == isa::register_name(site_.arch(), *id)) name.clear();
    return in_register(*body, body->current(), *id, std::move(name));
  }

  // A library function was given the value: which argument of the program's call was it?
  std::optional<Followed> from_argument(uint64_t bad, const std::string& name) {
    const size_t frame = *facts_.user_frame;
    FunctionBody* body = code_.of_frame(frame);
    if (body == nullptr || body->code()[body->current()].flow != isa::Flow::kCall)
      return std::nullopt;
    for (unsigned n = 0; n < kRegisterArguments; ++n) {
      const auto id = isa::argument_register(site_.arch(), n);
      if (!id) break;
      if (body->flow().value(body->current(), *id) == bad)
        return in_register(*body, body->current(), *id, name);
    }
    if (!facts_.fault) return std::nullopt;
    // Values that a call destroyed are known by what was loaded alone.
    const auto first = isa::argument_register(site_.arch(), 0);
    auto guess = in_register(*body, body->current(), *first, name);
    if (guess->value) return std::nullopt;
    guess->value = bad;
    return guess;
  }

  std::optional<Followed> from_fault(const FaultFacts& fault) {
    if (fault.pc_is_bad) {
      if (!fault.call_operand) return std::nullopt;
      return from_call(fault);
    }
    if (fault.divisor && *fault.divisor == 0) return from_divisor(fault);
    if (!fault.operand) return std::nullopt;
    const OperandFacts& operand = *fault.operand;
    const std::string name = operand.expression ? operand.expression->text : "";
    if (facts_.user_frame && *facts_.user_frame > fault.frame && operand.bad_value) {
      if (auto found = from_argument(*operand.bad_value, name)) return found;
    }
    return from_operand(operand, fault.frame);
  }

  std::optional<Followed> from_divisor(const FaultFacts& fault) {
    FunctionBody* body = code_.of_frame(fault.frame);
    if (body == nullptr) return std::nullopt;
    const isa::Instruction& one = body->code()[body->current()];
    if (one.divisor_register) {
      auto value =
          in_register(*body, body->current(), *one.divisor_register, fault.divisor_expression);
      value->value = *fault.divisor;
      return value;
    }
    if (one.memory.empty()) return std::nullopt;
    if (const auto slot = body->flow().layout().slot(body->current(), one.memory[0]))
      return Followed{.body = body,
                      .at = body->current(),
                      .spot = Spot::in_slot(*slot, one.memory[0].size),
                      .value = *fault.divisor,
                      .name = fault.divisor_expression};
    OriginTrace(code_, trail_)
        .blame_writers(*body, body->current(), 0, *fault.divisor, fault.divisor_expression);
    return std::nullopt;
  }

  // A call through a pointer that led nowhere.
  std::optional<Followed> from_call(const FaultFacts& fault) {
    FunctionBody* body = code_.of_frame(fault.frame);
    if (body == nullptr) return std::nullopt;
    const isa::Instruction& one = body->code()[body->current()];
    const std::string& name = fault.call_target_expression;
    const auto target = fault.address ? std::optional(fault.address->value) : std::nullopt;
    if (one.target.through_register) {
      auto value = in_register(*body, body->current(), *one.target.through_register, name);
      value->value = target;
      return value;
    }
    if (!one.target.through_memory || one.memory.empty()) return std::nullopt;
    if (const auto slot = body->flow().layout().slot(body->current(), one.memory[0]))
      return Followed{.body = body,
                      .at = body->current(),
                      .spot = Spot::in_slot(*slot, 8),
                      .value = target,
                      .name = name};
    OriginTrace(code_, trail_).blame_writers(*body, body->current(), 0, target, name);
    return std::nullopt;
  }

  std::optional<Followed> find() {
    if (!facts_.user_frame) return std::nullopt;
    if (facts_.fault) return from_fault(*facts_.fault);
    const auto& refused = facts_.abort.argument;
    if (facts_.abort.kind == AbortFacts::Kind::kGlibcHeap && refused && refused->value)
      return from_argument(*refused->value, refused->text);
    if (facts_.abort.kind == AbortFacts::Kind::kAssertion) return from_check();
    return std::nullopt;
  }

  // What the branch to the call of the failed check compared.
  std::optional<Followed> from_check() {
    FunctionBody* body = code_.of_frame(*facts_.user_frame);
    if (body == nullptr) return std::nullopt;
    constexpr size_t kMaxSetUp = 12;
    size_t at = body->current();
    for (size_t n = 0; n < kMaxSetUp; ++n) {
      const auto sources = body->code().predecessors(at);
      if (sources.empty()) return std::nullopt;
      at = sources.front();
      const isa::Instruction& one = body->code()[at];
      if (one.flow != isa::Flow::kBranch) continue;
      for (size_t before = 0; before < 4 && before <= at; ++before) {
        const size_t back = at - before;
        const auto& compares = body->code()[back].compares;
        if (!compares) continue;
        if (compares->left) return in_register(*body, back, *compares->left, "");
        const auto& memory = body->code()[back].memory;
        if (memory.empty()) return std::nullopt;
        const auto slot = body->flow().layout().slot(back, memory[0]);
        if (!slot) return std::nullopt;
        const Spot spot = Spot::in_slot(*slot, memory[0].size);
        return Followed{.body = body,
                        .at = back,
                        .spot = spot,
                        .value = body->flow().value(back, spot),
                        .name = {}};
      }
      return std::nullopt;
    }
    return std::nullopt;
  }

  const Site& site_;
  const Facts& facts_;
  OriginCode code_;
  OriginTrail trail_;
};

}  // namespace

OriginFacts trace_origin(const Site& site, const Facts& facts) {
  if (!facts.user_frame || site.image.memory == nullptr) return {};
  if (!facts.fault && facts.abort.kind == AbortFacts::Kind::kNone) return {};
  return Start(site, facts).trace();
}

}  // namespace inquest::diagnosis
