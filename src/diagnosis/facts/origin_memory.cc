// OriginTrace: through calls that return the value, and through memory that holds it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "diagnosis/facts/origin_trace.h"

namespace inquest::diagnosis {

using isa::Flow;
using isa::Instruction;
using process::Returned;
using process::Spot;
using Kind = OriginStep::Kind;

namespace {

constexpr int kMaxCallDepth = 4;
constexpr size_t kMaxNamedStores = 4;

constexpr int kHandledIt = 10;
constexpr int kDidNotCheck = 50;
constexpr int kOwnsIt = 10;
constexpr int kIsActive = 25;
constexpr int kFilledIt = 40;  // had the address of what turned out bad
constexpr int kReturnedIt = 30;
constexpr int kLibraryGaveIt = 55;  // the program used what a library function returned
constexpr int kStoredIt = 45;       // writes this very value into the member
constexpr int kStoredResult = 40;   // writes what a call returned, unseen
constexpr int kLeftUnset = 45;      // sets the other members
constexpr int kMayHaveStored = 15;
constexpr int kHandedOut = 40;  // made the address of the wrong object known
constexpr int kChangedIt = 35;  // writes to what was changed meanwhile

bool is_error_value(std::optional<uint64_t> value) {
  constexpr uint64_t kSmall = 4096;
  return value && (*value < kSmall || *value > ~kSmall || *value == 0xffff'ffff);
}

std::optional<Address> target_of(FunctionBody& body, size_t call, const process::MemoryReader& m) {
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

// The callee had the slot's address and either filled it in or left it.
void OriginTrace::filled(const Followed& value, size_t call) {
  FunctionBody& body = *value.body;
  const CodePlace& where = place(body, call);
  const auto target = target_of(body, call, code_.site().modules.memory());
  const std::string callee = target ? code_.name_of(*target) : "";
  const std::string called = callee.empty() ? "a function" : callee + "()";
  trail_.step(
      Kind::kReturn,
      fmt::format("{} was given the address of {} at {}", called, quoted(value.name), where.at()),
      where, body.frame(), "heuristic");
  const Address entry = target ? code_.through_stub(*target) : Address();
  if (!target || !code_.is_program_code(entry)) {
    trail_.suspect(where, body.frame(), kDidNotCheck,
                   fmt::format("used {} as {} left it", quoted(value.name), called));
    return;
  }
  if (!owner_told_)
    trail_.suspect(where, body.frame(), kOwnsIt,
                   fmt::format("used {} as {} left it", quoted(value.name), called));
  owner_told_ = true;
  trail_.suspect(code_.place(entry), std::nullopt, kFilledIt,
                 fmt::format("was to fill in {}", quoted(value.name)));
}

bool OriginTrace::returned(Followed& value, size_t call) {
  FunctionBody& body = *value.body;
  const auto target = target_of(body, call, code_.site().modules.memory());
  const std::string callee = target ? code_.name_of(*target) : "";
  const CodePlace where = place(body, call);
  const std::string called = callee.empty() ? "a call" : callee + "()";
  const bool is_language =
      target && code_.place(code_.through_stub(*target)).role == CodeRole::kLanguage;
  if (is_language) return by_accessor(value, call, callee);
  OriginStep& step = trail_.step(
      Kind::kReturn,
      fmt::format("{} was returned by {} in {}", quoted(value.name), called, where.text()), where,
      body.frame());
  step.trust = body.frame() ? "exact" : "traced";
  const bool is_program = target && code_.is_program_code(code_.through_stub(*target));
  // Only null and error codes are for callers to check.
  const bool checkable = is_error_value(value.value);
  trail_.suspect(where, body.frame(),
                 !checkable                     ? kHandledIt
                 : is_program || callee.empty() ? kDidNotCheck
                                                : kLibraryGaveIt,
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
    trail_.suspect(where, std::nullopt, kReturnedIt,
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
  trail_.suspect(code_.place(target), std::nullopt, kReturnedIt / 2, "returned the value");
  return false;
}

bool OriginTrace::loaded(Followed& value, size_t definition) {
  FunctionBody& body = *value.body;
  const Instruction& one = body.code()[definition];
  const CodePlace where = place(body, definition);
  std::string text;
  if (process::SourceNames* names = body.names()) {
    const auto explained = names->memory_at(one, 0);
    text = explained.access;
    if (explained.member) trail_.met(explained.member->structure);
  }
  const auto address = body.flow().address(definition, one.memory[0]);
  std::optional<uint64_t> now;
  if (address && one.memory[0].size <= 8) {
    uint8_t bytes[8] = {};
    const uint64_t size = std::max<uint32_t>(one.memory[0].size, 1);
    if (code_.site().modules.memory().read(*address, {bytes, size}).size == size)
      now = one.extended(*load<uint64_t>(ByteView(bytes, sizeof(bytes))));
  }
  if (!value.name.empty() && text.empty()) text = value.name;
  std::string statement =
      fmt::format("{} was loaded from {} at {}", value_words(value.value),
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
  if (address && !changed && in_frame(value, *address, one.memory[0].size, text)) return true;
  blame_writers(body, definition, 0, changed ? std::nullopt : value.value, text);
  // What is no address at all may have come out of the wrong object: where is that from?
  const auto base = one.memory[0].base;
  if (changed || !base || *base == isa::pc_register(body.code().arch())) return false;
  const auto object = body.flow().value(definition, *base);
  const bool dead_stack = object && is_on_some_stack(*object);
  if (!dead_stack && (!value.value || *value.value == 0)) return false;
  value.name = name_of(value, definition, *base);
  value.at = definition;
  value.spot = Spot::in_register(*base);
  value.value = object;
  if (object) blame_global(body, definition, Address(*object), kHandedOut, value.name);
  return true;
}

void OriginTrace::blame_store(const FoundStore& store, std::optional<uint64_t> value,
                              const std::string& name) {
  FunctionBody& body = *store.body;
  const CodePlace where = code_.place(store.pc);
  if (store.constant) {
    if (value && *store.constant != *value) return;
    trail_.step(
        Kind::kStore,
        fmt::format("{} sets {} to {}", where.text(), quoted(name), value_words(store.constant)),
        where, std::nullopt, "heuristic");
    // It did so and went on to what crashed.
    const int active = is_on_stack(where.function) ? kIsActive : 0;
    trail_.suspect(where, std::nullopt, kStoredIt + active,
                   fmt::format("sets {} to {}", quoted(name), value_words(store.constant)));
    return;
  }
  const Instruction& one = body.code()[store.at];
  trail_.suspect(where, std::nullopt, kMayHaveStored, fmt::format("writes {}", quoted(name)));
  if (!one.stores_register) return;
  const auto sources =
      process::find_sources(body.flow(), store.at, Spot::in_register(*one.stores_register), value);
  for (const Returned& source : sources) {
    if (source.kind == Returned::Kind::kArgument)
      blame_callers(store, source.argument, value, name);
    if (source.kind == Returned::Kind::kCall) blame_result(body, source.at, where, value, name);
    if (source.kind != Returned::Kind::kConstant || !value) continue;
    const CodePlace& made = place(body, source.at);
    trail_.suspect(made, std::nullopt, kStoredIt,
                   fmt::format("sets {} to {}", quoted(name), value_words(value)));
  }
}

// The call's result went into `name`: could it have been the value?
void OriginTrace::blame_result(FunctionBody& body, size_t call, const CodePlace& where,
                               std::optional<uint64_t> value, const std::string& name) {
  const auto& target = body.code()[call].target.direct;
  if (!target) return;
  const Address entry = code_.through_stub(*target);
  const std::string callee = code_.name_of(*target);
  FunctionBody* inner = code_.is_program_code(entry) ? code_.at(entry) : nullptr;
  if (inner == nullptr) {
    if (callee.empty()) return;
    const bool may_be_null = value == 0 && !callee.starts_with("operator new");
    trail_.suspect(where, std::nullopt, may_be_null ? kStoredResult : kMayHaveStored,
                   fmt::format("stores what {}() returned in {}", callee, quoted(name)));
    return;
  }
  if (!value) return;
  const auto returns = process::find_returns(inner->flow(), value);
  const auto constant = std::ranges::find(returns, Returned::Kind::kConstant, &Returned::kind);
  if (constant == returns.end()) return;
  const CodePlace& origin = place(*inner, constant->at);
  trail_.step(Kind::kStore,
              fmt::format("{} stores what {}() returned in {}: {} at {}", where.text(), callee,
                          quoted(name), value_words(value), origin.at()),
              where, std::nullopt, "heuristic");
  trail_.suspect(where, std::nullopt, kStoredResult + 10,
                 fmt::format("stores what {}() returned without a check", callee));
  trail_.suspect(origin, std::nullopt, kReturnedIt,
                 fmt::format("returns {} here", value_words(value)));
}

void OriginTrace::blame_writers(FunctionBody& body, size_t at, size_t operand,
                                std::optional<uint64_t> value, const std::string& name) {
  const Instruction& one = body.code()[at];
  const isa::MemoryOperand& memory = one.memory[operand];
  StoreTarget target;
  target.size = memory.size;
  target.displacement = memory.displacement;
  if (memory.base == isa::pc_register(body.code().arch())) {
    target.address = body.flow().address(at, memory);
  } else if (process::SourceNames* names = body.names()) {
    const auto explained = names->memory_at(one, operand);
    if (explained.member) {
      target.structure = explained.member->structure;
      target.member = explained.member->member;
    }
  }
  const StoreAnswer answer = find_stores(code_, one.pc, target);
  if (target.address) blame_global(body, at, *target.address, kChangedIt, name);
  if (target.structure.empty() && !target.address) return;
  const std::string what =
      target.member.empty() ? name : fmt::format("{}::{}", target.structure, target.member);
  size_t named = 0;
  for (const FoundStore& store : answer.stores) {
    if (!value) {
      if (++named > kMaxNamedStores) break;
      const CodePlace& where = code_.place(store.pc);
      trail_.step(Kind::kStore, fmt::format("{} writes {}", where.text(), quoted(what)), where,
                  std::nullopt, "heuristic");
      trail_.suspect(where, std::nullopt, kChangedIt, fmt::format("writes {}", quoted(what)));
      continue;
    }
    blame_store(store, value, what);
  }
  const bool set_to_it = std::ranges::any_of(
      answer.stores, [&](const FoundStore& s) { return s.constant && s.constant == value; });
  if (!value || set_to_it) return;
  for (const Address start : answer.initialisers) {
    const CodePlace& where = code_.place(start);
    const bool maker = names_a_maker(where.function);
    if (maker)
      trail_.step(Kind::kStore,
                  fmt::format("{} sets other members of {}, but not `{}`", where.name(),
                              target.structure, target.member),
                  where, std::nullopt, "heuristic");
    trail_.suspect(where, std::nullopt, maker ? kLeftUnset : kMayHaveStored,
                   fmt::format("sets other members, but not `{}`", target.member));
  }
  if (answer.stores.empty() && answer.initialisers.empty() && !answer.cut)
    trail_.step(Kind::kLost, fmt::format("no code that was found writes {}", quoted(what)),
                code_.place(one.pc), body.frame(), "heuristic");
}

}  // namespace inquest::diagnosis
