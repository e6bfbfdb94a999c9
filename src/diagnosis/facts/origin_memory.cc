// OriginTrace: through calls that return the value, and through memory that holds it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "diagnosis/facts/call_arguments.h"
#include "diagnosis/facts/origin_trace.h"

namespace inquest::diagnosis {

using isa::Flow;
using isa::Instruction;
using process::Returned;
using process::Spot;
using Kind = OriginStep::Kind;

namespace {

constexpr int kMaxCallDepth = 4;

std::optional<Address> callee_of(FunctionBody& body, size_t call, const process::MemoryReader& m) {
  const Instruction& one = body.code()[call];
  if (one.target.direct) return one.target.direct;
  if (one.target.through_register) {
    const auto value = body.flow().value(call, *one.target.through_register);
    return value ? std::optional(Address(*value)) : std::nullopt;
  }
  if (!one.target.through_memory || one.memory.empty()) return std::nullopt;
  const auto slot = body.flow().address(call, one.memory[0]);
  return slot ? m.load_pointer(*slot) : std::nullopt;
}

}  // namespace

// Does the call, which was given the address of what holds the slot, write to it?
Fills OriginTrace::fills_slot(const Followed& value, size_t call) {
  FunctionBody& body = *value.body;
  const auto target = callee_of(body, call, code_.site().modules.memory());
  const auto& cfa = body.flow().state().cfa;
  if (!target || !cfa) return Fills::kUnknown;
  const Address entry = code_.through_stub(*target);
  if (!code_.is_program_code(entry)) return Fills::kUnknown;
  constexpr uint64_t kMaxObject = 4096;
  const Address slot = *cfa + static_cast<uint64_t>(value.spot.offset);
  Fills found = Fills::kUnknown;
  for (unsigned n = 0; n < kRegisterArguments; ++n) {
    const auto id = isa::argument_register(body.code().arch(), n);
    const auto passed = id ? body.flow().value(call, *id) : std::nullopt;
    if (!passed || Address(*passed) > slot || slot.value - *passed >= kMaxObject) continue;
    found = fills(code_, entry, *id, static_cast<int64_t>(slot.value - *passed), value.spot.size);
    if (found != Fills::kNever) return found;
  }
  return found;
}

// The callee had the slot's address and either filled it in or left it.
void OriginTrace::filled(const Followed& value, size_t call) {
  FunctionBody& body = *value.body;
  const CodePlace& where = place(body, call);
  const auto target = callee_of(body, call, code_.site().modules.memory());
  const std::string callee = target ? code_.name_of(*target) : "";
  const std::string called = callee.empty() ? "a function" : callee + "()";
  const Fills how = fills_slot(value, call);
  if (how == Fills::kNever) return;
  const bool ignored = how == Fills::kSometimes && ignores_result(body.code(), call);
  trail_.step(
      Kind::kReturn,
      fmt::format("{} was given the address of {} at {}{}", called, quoted(value.name), where.at(),
                  how != Fills::kSometimes ? ""
                  : ignored ? ", does not always set it, and what it returned was not "
                              "looked at"
                            : " and does not always set it"),
      where, body.frame(), how == Fills::kUnknown ? "heuristic" : "traced");
  // Of a value that was right once, those who set it are not to blame.
  if (about_lifetime_) return;
  const Address entry = target ? code_.through_stub(*target) : Address();
  if (!target || !code_.is_program_code(entry)) {
    trail_.suspect(where, body.frame(), Reason::kDidNotCheck,
                   fmt::format("used {} as {} left it", quoted(value.name), called));
    return;
  }
  // What it always sets, it may as well have returned.
  const bool unchecked = how == Fills::kAlways && is_error_value(value.value);
  trail_.suspect(where, body.frame(),
                 ignored     ? Reason::kIgnoredResult
                 : unchecked ? Reason::kDidNotCheck
                             : Reason::kOwnsIt,
                 ignored
                     ? fmt::format("did not look whether {} had set {}", called, quoted(value.name))
                     : fmt::format("used {} as {} left it", quoted(value.name), called));
  trail_.suspect(code_.place(entry), std::nullopt,
                 how == Fills::kUnknown || ignored ? Reason::kMakesAddress : Reason::kFilledIt,
                 fmt::format("was to fill in {}", quoted(value.name)));
}

bool OriginTrace::returned(Followed& value, size_t call) {
  FunctionBody& body = *value.body;
  const auto target = callee_of(body, call, code_.site().modules.memory());
  const std::string callee = target ? code_.name_of(*target) : "";
  const CodePlace where = place(body, call);
  const std::string called = callee.empty() ? "a call" : callee + "()";
  const bool is_language =
      target && code_.place(code_.through_stub(*target)).role == CodeRole::kLanguage;
  if (is_language) return by_accessor(value, call, callee);
  OriginStep& step = trail_.step(
      Kind::kReturn,
      fmt::format("{} was returned by {} in {}",
                  value.name == called ? "the value" : quoted(value.name), called, where.text()),
      where, body.frame());
  step.trust = body.frame() ? "exact" : "traced";
  trail_.came_from(callee);
  const bool is_program = target && code_.is_program_code(code_.through_stub(*target));
  // Only null and error codes are for callers to check.
  const bool checkable = is_error_value(value.value);
  if (is_wrong_object_ && is_program) {
    trail_.suspect(where, body.frame(), Reason::kGotIt, fmt::format("got it from {}", called));
    trail_.suspect(code_.place(code_.through_stub(*target)), std::nullopt, Reason::kReturnedWrong,
                   fmt::format("returned {}, which is no such object", quoted(value.name)));
    is_wrong_object_ = false;
    return false;
  }
  if (about_bounds_ && !is_program && !checkable)
    trail_.suspect(where, body.frame(), Reason::kAllocated,
                   fmt::format("got the memory from {}", called));
  trail_.suspect(where, body.frame(),
                 !checkable                     ? Reason::kGotIt
                 : is_program || callee.empty() ? Reason::kDidNotCheck
                                                : Reason::kLibraryGave,
                 checkable ? fmt::format("used what {} returned without a check", called)
                           : fmt::format("got it from {}", called));
  if (!is_program || ++depth_ > kMaxCallDepth) return false;
  return inside_callee(value, call, code_.through_stub(*target));
}

// Which of the callee's paths return this value?
bool OriginTrace::inside_callee(Followed& value, size_t call, Address target) {
  FunctionBody* callee = code_.at(target);
  if (callee == nullptr) return false;
  const auto returns = process::find_returns(callee->flow(), value.value);
  std::vector<Returned> of_kind[5];
  for (const Returned& one : returns) of_kind[static_cast<size_t>(one.kind)].push_back(one);
  const auto& constants = of_kind[static_cast<size_t>(Returned::Kind::kConstant)];
  if (value.value && !constants.empty()) {
    std::vector<std::string> places;
    for (const Returned& one : constants) {
      const std::string at = place(*callee, one.at).at();
      if (places.size() < 3 && std::ranges::find(places, at) == places.end()) places.push_back(at);
    }
    const CodePlace& where = place(*callee, constants.front().at);
    trail_.step(Kind::kConstant,
                fmt::format("{} returns {} at {}", where.name(), value_words(value.value),
                            fmt::join(places, ", ")),
                where, std::nullopt);
    trail_.suspect(where, std::nullopt, Reason::kReturnedIt,
                   fmt::format("returns {} here", value_words(value.value)));
    return false;
  }
  const auto& calls = of_kind[static_cast<size_t>(Returned::Kind::kCall)];
  const auto& loads = of_kind[static_cast<size_t>(Returned::Kind::kLoad)];
  const auto& arguments = of_kind[static_cast<size_t>(Returned::Kind::kArgument)];
  Followed inner{.body = callee, .at = 0, .spot = {}, .value = value.value, .name = {}};
  if (calls.size() == 1 && loads.empty()) {
    inner.at = calls[0].at;
    if (callee->code()[calls[0].at].flow != Flow::kCall) {  // jumped to: it returns for the callee
      const auto next = callee->code()[calls[0].at].target.direct;
      if (!next || ++depth_ > kMaxCallDepth) return false;
      return inside_callee(value, call, code_.through_stub(*next));
    }
    value = inner;
    return returned(value, calls[0].at);
  }
  if (loads.size() == 1 && calls.empty()) {
    value = inner;
    return loaded(value, loads[0].at);
  }
  if (arguments.size() == 1 && calls.empty() && loads.empty()) {
    value.at = call;
    value.spot = Spot::in_register(arguments[0].argument);
    return true;
  }
  trail_.suspect(code_.place(target), std::nullopt, Reason::kGotIt, "returned the value");
  return false;
}

void OriginTrace::follow_memory(FunctionBody& body, size_t at, std::optional<uint64_t> value,
                                const std::string& name) {
  Followed followed{.body = &body, .at = at, .spot = {}, .value = value, .name = name};
  if (loaded(followed, at)) follow(followed);
}

bool OriginTrace::loaded(Followed& value, size_t definition) {
  FunctionBody& body = *value.body;
  const Instruction& one = body.code()[definition];
  const CodePlace where = place(body, definition);
  process::OperandExplanation explained;
  if (process::SourceNames* names = body.names()) explained = names->memory_at(one, 0);
  std::string text = explained.access;
  if (!value.value && !text.empty() && text == known_text_) value.value = known_value_;
  if (explained.member) trail_.met(explained.member->structure);
  const auto address = body.flow().address(definition, one.memory[0]);
  std::optional<uint64_t> now;
  if (address && one.memory[0].size <= 8) {
    uint8_t bytes[8] = {};
    const uint64_t size = std::max<uint32_t>(one.memory[0].size, 1);
    if (code_.site().modules.memory().read(*address, {bytes, size}).size == size)
      now = one.extended(*load<uint64_t>(ByteView(bytes, sizeof(bytes))));
  }
  const bool on_heap =
      address ? !code_.site().symbols.symbol_at(*address) && !is_on_some_stack(address->value)
              : text.find("->") != std::string::npos;
  if (on_heap) trail_.met_heap();
  if (!value.name.empty() && text.empty()) text = value.name;
  std::string statement =
      fmt::format("{} was loaded from {} at {}",
                  value.value == 0 && one.memory[0].size < 8 ? "0" : value_words(value.value),
                  text.empty() ? address ? to_hex(*address) : "memory" : fmt::format("`{}`", text),
                  where.text());
  const bool changed = now && value.value && *now != *value.value;
  if (changed) {
    statement += fmt::format(
        ", which now holds {}: changed since by another thread, or by a later use of the memory",
        value_words(now));
  } else if (now && value.value) {
    statement += ", which still holds it";
  }
  OriginStep& step = trail_.step(Kind::kLoad, std::move(statement), where, body.frame(),
                                 now && value.value && !changed ? "exact" : "traced");
  step.memory = address;
  if (now && value.value) step.still_so = !changed;
  // Wrong contents, or the wrong object?
  const auto base = one.memory[0].base;
  std::optional<uint64_t> object;
  if (base && *base != isa::pc_register(body.code().arch()))
    object = body.flow().value(definition, *base);
  std::string found;
  std::optional<bool> right;
  if (!changed && explained.pointer && object)
    right = leads_right(*explained.pointer, Address(*object), found);
  is_wrong_object_ = right == false;
  if (right == false) wanted_ = pointee(explained.pointer->type);
  if (right == false)
    trail_.step(Kind::kLoad,
                fmt::format("`{}` does not point at {}, but at {}", explained.pointer->text,
                            pointee(explained.pointer->type), found),
                where, body.frame());
  is_changed_ = changed;
  bool could = false;
  if (right != false)
    could = blame_writers(body, definition, 0, changed ? std::nullopt : value.value, text);
  if (right != false && address && !changed && in_frame(value, *address, one.memory[0].size, text))
    return !could;
  const auto arch = body.code().arch();
  if (changed || right == true || (could && right != false) || !base ||
      *base == isa::pc_register(arch) || *base == isa::sp_register(arch) ||
      *base == isa::fp_register(arch))
    return false;
  // What is no address at all may have come out of the wrong object: where is that from?
  const bool dead_stack = object && is_on_some_stack(*object);
  if (right != false && !dead_stack && (!value.value || *value.value == 0)) return false;
  trail_.doubt(right != false && !dead_stack);
  const bool anywhere = !object && value.value && !is_error_value(value.value);
  value.name = name_of(value, definition, *base);
  value.at = definition;
  value.spot = Spot::in_register(*base);
  value.value = object;
  if (object)
    blame_global(body, definition, Address(*object),
                 right == false ? Reason::kHandedOut : Reason::kMakesAddress, value.name);
  if ((dead_stack || anywhere) && !right && explained.pointer) {
    trail_.doubt(anywhere);
    blame_locals(body, definition, pointee(explained.pointer->type));
  }
  return true;
}

}  // namespace inquest::diagnosis
