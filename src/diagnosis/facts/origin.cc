#include "diagnosis/facts/origin.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "diagnosis/facts/call_arguments.h"
#include "diagnosis/facts/origin_lifetime.h"
#include "diagnosis/facts/origin_recursion.h"
#include "diagnosis/facts/origin_trace.h"
#include "diagnosis/facts/roles.h"

namespace inquest::diagnosis {

using isa::RegisterId;
using process::Spot;

namespace {

constexpr size_t kMaxSuspectedCallers = 3;
constexpr size_t kMaxSetUp = 12;  // instructions between a check and the call that says it failed
constexpr size_t kMaxToCompare = 4;  // between a comparison and its branch

bool reaches_beyond(const Facts& facts) {
  if (!facts.fault || !facts.fault->operand) return false;
  const OperandFacts& operand = *facts.fault->operand;
  if (operand.bad_register.empty() && operand.index) return true;
  const auto beyond = [](const std::optional<AddressFacts>& address) {
    return address && address->has(AddressTrait::kJustPastMapping);
  };
  return beyond(operand.address) || beyond(facts.fault->address_facts);
}

OriginTheme theme_of(const Facts& facts) {
  if (reaches_beyond(facts)) return OriginTheme::kBounds;
  return is_about_lifetime(facts) ? OriginTheme::kLifetime : OriginTheme::kValue;
}

class Start {
 public:
  Start(const Site& site, const Facts& facts)
      : site_(site), facts_(facts), code_(site), trace_(code_, trail_, theme_of(facts)) {}

  OriginFacts trace() {
    suspect_stack();
    if (facts_.fault && facts_.fault->operand) {
      const auto& known = facts_.fault->operand->expression;
      if (known && known->value) trace_.know(known->text, *known->value);
    }
    if (theme_of(facts_) == OriginTheme::kBounds) trail_.met_bounds();
    if (!blame_recursion(code_, trace_, facts_)) follow_back();
    trail_.doubt(false);
    blame_lifetime(code_, facts_, trail_);
    watch_others();
    OriginFacts out;
    out.blamed = trail_.ranked();
    out.steps = trail_.take_steps();
    return out;
  }

 private:
  void follow_back() {
    if (facts_.abort.kind == AbortFacts::Kind::kAssertion && !facts_.fault) {
      blame_check();
    } else if (const auto value = find()) {
      trace_.follow(*value);
      if (theme_of(facts_) == OriginTheme::kBounds) {
        trail_.doubt(false);
        blame_memory();
      }
    }
  }

  // Before anything is known: the crashing function, then its callers.
  void suspect_stack() {
    const auto& frames = facts_.crashing.frames;
    if (!facts_.open_frame()) return;
    size_t named = 0;
    for (size_t i = *facts_.open_frame(); i < frames.size() && named <= kMaxSuspectedCallers; ++i) {
      for (size_t f = i == *facts_.open_frame() ? facts_.open_function() : 0;
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
        trail_.suspect(place, i,
                       named == 0   ? Reason::kCrashed
                       : named == 1 ? Reason::kCaller
                                    : Reason::kOuterCaller,
                       named == 0 ? "it crashed here" : "called what crashed");
        ++named;
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
            trail_.corroborate(function.short_name, "and another thread is in it");
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

  // Of an index that led too far: whose memory was it meant for?
  void blame_memory() {
    if (!facts_.fault || !facts_.fault->operand) return;
    FunctionBody* body = code_.of_frame(facts_.fault->frame);
    if (body == nullptr) return;
    const isa::Instruction& one = body->code()[body->current()];
    if (one.memory.empty() || !one.memory[0].base || !one.memory[0].index) return;
    const auto& expression = facts_.fault->operand->expression;
    if (const auto value = in_register(*body, body->current(), *one.memory[0].base,
                                       expression ? expression->text : ""))
      trace_.follow(*value);
  }

  // Between the program's call and the fault there is only what was called for this: the library's
  // own functions, and the run-time libraries below it. Through a third one, a foreign function
  // interface say, other values come than the program's call has in its registers.
  bool is_straight_call() const {
    const auto& frames = facts_.crashing.frames;
    const std::string& called = frames[*facts_.open_frame() - 1].module;
    const size_t first = facts_.fault ? facts_.fault->frame : 0;
    return std::all_of(frames.begin() + static_cast<ptrdiff_t>(first),
                       frames.begin() + static_cast<ptrdiff_t>(*facts_.open_frame()),
                       [&](const FrameFact& frame) {
                         return frame.module == called || is_c_library(frame.module) ||
                                is_cxx_runtime(frame.module);
                       });
  }

  // A library function was given the value: which argument of the program's call was it?
  std::optional<Followed> from_argument(uint64_t bad, const std::string& name) {
    const size_t frame = *facts_.open_frame();
    if (frame == 0 || !is_straight_call()) return std::nullopt;
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
    if (facts_.open_frame() && *facts_.open_frame() > fault.frame && operand.bad_value) {
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
    trace_.follow_memory(*body, body->current(), *fault.divisor, fault.divisor_expression);
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
    trace_.follow_memory(*body, body->current(), target, name);
    return std::nullopt;
  }

  std::optional<Followed> find() {
    if (!facts_.open_frame()) return std::nullopt;
    if (facts_.fault) return from_fault(*facts_.fault);
    const auto& refused = facts_.abort.argument;
    if (facts_.abort.kind != AbortFacts::Kind::kGlibcHeap) return std::nullopt;
    if (refused && refused->value) {
      if (auto found = from_argument(*refused->value, refused->text)) return found;
    }
    return first_argument(refused ? refused->text : "");
  }

  // Of a call whose argument nobody knows any more: by the code that set it.
  std::optional<Followed> first_argument(const std::string& name) {
    FunctionBody* body = code_.of_frame(*facts_.open_frame());
    const auto first = isa::argument_register(site_.arch(), 0);
    if (body == nullptr || !first || body->code()[body->current()].flow != isa::Flow::kCall)
      return std::nullopt;
    return in_register(*body, body->current(), *first, name);
  }

  // The comparison that led to the call of the failed check.
  std::optional<size_t> failed_comparison(FunctionBody& body) {
    size_t at = body.current();
    for (size_t n = 0; n < kMaxSetUp; ++n) {
      const auto sources = body.code().predecessors(at);
      if (sources.empty()) return std::nullopt;
      at = sources.front();
      if (body.code()[at].flow != isa::Flow::kBranch) continue;
      for (size_t before = 0; before < kMaxToCompare && before <= at; ++before) {
        const isa::Instruction& one = body.code()[at - before];
        if (one.compares || one.mnemonic == "cmp") return at - before;
      }
      return std::nullopt;
    }
    return std::nullopt;
  }

  // The check holds values against each other: whoever writes one of them may have broken it.
  void blame_check() {
    FunctionBody* body = code_.of_frame(*facts_.open_frame());
    const auto at = body == nullptr ? std::nullopt : failed_comparison(*body);
    if (!at) return;
    const isa::Instruction& compares = body->code()[*at];
    const std::string deed = facts_.abort.condition.empty()
                                 ? std::string("which the failed check looks at")
                                 : fmt::format("which `{}` looks at", facts_.abort.condition);
    bool found = false;
    std::map<std::string, size_t> told;
    const auto ask = [&](size_t place) {
      const auto& memory = body->code()[place].memory;
      if (memory.empty() || body->flow().layout().slot(place, memory[0])) return;
      for (const std::string& function :
           trace_.blame_all_writers(*body, place, 0, Reason::kSetsOthers, deed))
        ++told[function];
      found = true;
    };
    ask(*at);
    for (const isa::RegisterId id : compares.reads) {
      if (!compares.memory.empty() &&
          (compares.memory[0].base == id || compares.memory[0].index == id))
        continue;
      const auto sources =
          process::find_sources(body->flow(), *at, Spot::in_register(id), std::nullopt);
      for (const process::Returned& source : sources) ask(source.at);
    }
    // Who sets both sides keeps them in step.
    for (const auto& [function, times] : told)
      if (times == 1) trail_.strengthen(function, Reason::kBreaksRule);
    if (found || compares.reads.empty()) return;
    if (auto value = in_register(*body, *at, compares.reads[0], "")) trace_.follow(*value);
  }

  const Site& site_;
  const Facts& facts_;
  OriginCode code_;
  OriginTrail trail_;
  OriginTrace trace_;
};

}  // namespace

OriginFacts trace_origin(const Site& site, const Facts& facts) {
  if (!facts.open_frame() || site.image.memory == nullptr) return {};
  if (!facts.fault && facts.abort.kind == AbortFacts::Kind::kNone) return {};
  return Start(site, facts).trace();
}

}  // namespace inquest::diagnosis
