// OriginTrace: who of the whole program could have given a member, or a global, its value.
#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/origin_trace.h"

namespace inquest::diagnosis {

using isa::Flow;
using isa::Instruction;
using isa::RegisterId;
using process::Returned;
using process::Spot;
using Kind = OriginStep::Kind;

namespace {

constexpr size_t kMaxNamedStores = 4;
constexpr size_t kMaxCallersAsked = 16;
constexpr size_t kMaxCopyDistance = 24;  // instructions between a load and the store of a copy

bool is_allocator(const std::string& name) {
  return name.starts_with("operator new") || name.ends_with("malloc") || name.ends_with("calloc") ||
         name.ends_with("realloc") || name.ends_with("aligned_alloc");
}

// The last vector register in "movups xmmword ptr [rdi+8], xmm0"; the first operand of a load.
std::string vector_register(const std::string& text) {
  const size_t comma = text.rfind(", ");
  const std::string last = comma == std::string::npos ? "" : text.substr(comma + 2);
  const bool is_vector = last.size() > 3 && last.compare(1, 2, "mm") == 0 &&
                         last.find_first_not_of("0123456789", 3) == std::string::npos;
  return is_vector ? last : "";
}

// Does the store at `at` put there what was read at the same place of another object?
bool copies_same_place(const process::FunctionCode& code, size_t at) {
  const Instruction& store = code[at];
  if (store.memory.empty()) return false;
  const isa::MemoryOperand& to = store.memory[0];
  const std::string vector = store.stores_register ? "" : vector_register(store.text);
  if (!store.stores_register && vector.empty()) return false;
  for (size_t back = 1; back <= kMaxCopyDistance && back <= at; ++back) {
    const Instruction& one = code[at - back];
    const bool same = store.stores_register
                          ? !one.writes.empty() && one.writes[0] == *store.stores_register
                          : one.text.find(" " + vector + ",") != std::string::npos;
    if (!same) continue;
    return !one.memory.empty() && one.memory[0].access == isa::Access::kRead &&
           one.memory[0].base && one.memory[0].base != to.base && !one.memory[0].index &&
           one.memory[0].displacement == to.displacement && one.memory[0].size == to.size;
  }
  return false;
}

}  // namespace

// What speaks for one store having given `value`; true when it could have.
bool OriginTrace::blame_store(const FoundStore& store, std::optional<uint64_t> value,
                              const std::string& name) {
  FunctionBody& body = *store.body;
  const CodePlace where = code_.place(store.pc);
  if (about_lifetime_) return blame_sharing(store, name);
  if (!store.other_member.empty() && (!store.constant || !value || *store.constant == *value)) {
    const std::string why =
        fmt::format("writes `{}` where {} is read", store.other_member, quoted(name));
    trail_.step(Kind::kStore, fmt::format("{} {}", where.text(), why), where, std::nullopt,
                "heuristic");
    trail_.suspect(where, std::nullopt, Reason::kOtherMember, why);
    return true;
  }
  if (store.constant) {
    if (value && *store.constant != *value) return false;
    trail_.step(
        Kind::kStore,
        fmt::format("{} sets {} to {}", where.text(), quoted(name), value_words(store.constant)),
        where, std::nullopt, "heuristic");
    trail_.suspect(where, std::nullopt, Reason::kStoresIt,
                   fmt::format("sets {} to {}", quoted(name), value_words(store.constant)));
    // It did so and went on to what crashed.
    if (is_on_stack(where.function)) trail_.corroborate(where.function, "and still runs");
    return true;
  }
  const Instruction& one = body.code()[store.at];
  if (!one.stores_register) {
    trail_.suspect(where, std::nullopt, Reason::kStoresOther,
                   fmt::format("writes {}", quoted(name)));
    return false;
  }
  const auto sources =
      process::find_sources(body.flow(), store.at, Spot::in_register(*one.stores_register), value);
  bool could = false, other = sources.empty();
  for (const Returned& source : sources) {
    switch (source.kind) {
      case Returned::Kind::kArgument:
        could = blame_callers(store, source.argument, value, name) || could;
        break;
      case Returned::Kind::kCall:
        could = blame_result(body, source.at, where, value, name) || could;
        break;
      case Returned::Kind::kConstant: {
        if (!value) break;
        const CodePlace& made = place(body, source.at);
        const bool inlined = std::ranges::find(made.callers, where.function) != made.callers.end();
        trail_.step(Kind::kStore,
                    inlined ? fmt::format("{} stores what {} returned in {}: {}", where.text(),
                                          made.text(), quoted(name), value_words(value))
                            : fmt::format("{} sets {} to {}", where.text(), quoted(name),
                                          value_words(value)),
                    where, std::nullopt, "heuristic");
        if (inlined)
          trail_.suspect(where, std::nullopt, Reason::kDidNotCheck,
                         fmt::format("stores what {} returned without a check", made.name()));
        trail_.suspect(made, std::nullopt, inlined ? Reason::kReturnedIt : Reason::kStoresIt,
                       inlined ? fmt::format("returns {} here", value_words(value))
                               : fmt::format("sets {} to {}", quoted(name), value_words(value)));
        could = true;
        break;
      }
      case Returned::Kind::kLoad:
      case Returned::Kind::kOther:
        could = blame_computed(body, source.at, where, value, name) || could;
        other = true;
        break;
    }
  }
  if (other || !value)
    trail_.suspect(where, std::nullopt, Reason::kStoresOther,
                   fmt::format("writes {}", quoted(name)));
  return could;
}

// A pointer in two objects: each of them may free what it points at.
bool OriginTrace::blame_sharing(const FoundStore& store, const std::string& name) {
  if (!copies_same_place(store.body->code(), store.at)) return false;
  const CodePlace where = code_.place(store.pc);
  const std::string why = fmt::format("copies {} from one object to another", quoted(name));
  trail_.step(Kind::kStore, fmt::format("{} {}", where.text(), why), where, std::nullopt,
              "heuristic");
  trail_.suspect(where, std::nullopt, Reason::kShares, why + ": both own it");
  return true;
}

// What instruction `at` makes went into `name`.
bool OriginTrace::blame_computed(FunctionBody& body, size_t at, const CodePlace& where,
                                 std::optional<uint64_t> value, const std::string& name) {
  const Instruction& one = body.code()[at];
  if (one.address_of && body.flow().layout().slot(at, *one.address_of)) {
    if (!value || !is_on_some_stack(*value)) return false;
    const std::string why =
        fmt::format("stores the address of its local variable in {}", quoted(name));
    trail_.step(Kind::kStore, fmt::format("{} {}", where.text(), why), where, std::nullopt,
                "heuristic");
    trail_.suspect(where, std::nullopt, Reason::kPassedIt, why);
    return true;
  }
  return false;
}

bool OriginTrace::blame_callers(const FoundStore& store, RegisterId argument,
                                std::optional<uint64_t> value, const std::string& name) {
  if (!value) return false;
  const Address entry = store.body->code().entry();
  const auto calls = find_calls_to(code_, store.pc, entry);
  bool could = false, known = !calls.empty() && calls.size() <= kMaxCallersAsked;
  for (size_t i = 0; i < std::min(calls.size(), kMaxCallersAsked); ++i) {
    const Passed passed = blame_argument(calls[i], argument, *value, name);
    could = could || passed == Passed::kIt;
    known = known && passed != Passed::kUnknown;
  }
  // Every caller is known to give something else: the setter has nothing to do with it.
  if (could || !known)
    trail_.suspect(code_.place(store.pc), std::nullopt, Reason::kStoresOther,
                   fmt::format("writes {}", quoted(name)));
  return could;
}

OriginTrace::Passed OriginTrace::blame_argument(Address call, RegisterId argument, uint64_t value,
                                                const std::string& name) {
  FunctionBody* body = code_.at(call);
  const auto at = body == nullptr ? std::nullopt : body->code().at(call);
  if (!at) return Passed::kUnknown;
  const CodePlace where = code_.place(call);
  const auto blame = [&](const std::string& what) {
    const std::string why = fmt::format("passes {} for {}", what, quoted(name));
    trail_.step(Kind::kArgument, fmt::format("{} {}", where.text(), why), where, std::nullopt,
                "heuristic");
    trail_.suspect(where, std::nullopt, Reason::kPassedIt, why);
    return Passed::kIt;
  };
  if (const auto passed = body->flow().value(*at, argument))
    return *passed == value ? blame(value_words(value)) : Passed::kOther;
  const auto sources = process::find_sources(body->flow(), *at, Spot::in_register(argument), value);
  Passed found = Passed::kOther;
  for (const Returned& source : sources) {
    const Instruction& one = body->code()[source.at];
    if (source.kind == Returned::Kind::kConstant) {
      found = blame(value_words(value));
    } else if (source.kind == Returned::Kind::kOther && one.address_of &&
               body->flow().layout().slot(source.at, *one.address_of)) {
      if (is_on_some_stack(value)) found = blame("the address of a local variable");
    } else if (source.kind == Returned::Kind::kCall && one.flow == Flow::kCall) {
      if (blame_result(*body, source.at, where, value, name)) found = Passed::kIt;
    } else if (found == Passed::kOther) {
      found = Passed::kUnknown;
    }
  }
  return found;
}

// Where the function returns this value, if it may: as a constant, or as what a library function,
// or another function of the program that may, gave it.
std::optional<Address> OriginTrace::may_return(FunctionBody& body, uint64_t value, int depth) {
  constexpr int kMaxDepth = 2;
  const auto returns = process::find_returns(body.flow(), value);
  for (const Returned& one : returns)
    if (one.kind == Returned::Kind::kConstant) return body.code()[one.at].pc;
  for (const Returned& one : returns) {
    const auto& target = body.code()[one.at].target.direct;
    if (one.kind != Returned::Kind::kCall || !target) continue;
    const Address entry = code_.through_stub(*target);
    if (!code_.is_program_code(entry)) {
      const std::string callee = code_.name_of(*target);
      if (value == 0 && !callee.empty() && !is_allocator(callee)) return body.code()[one.at].pc;
      continue;
    }
    FunctionBody* inner = depth < kMaxDepth ? code_.at(entry) : nullptr;
    if (inner != nullptr && may_return(*inner, value, depth + 1)) return body.code()[one.at].pc;
  }
  return std::nullopt;
}

// The call's result went into `name`: could it have been the value?
bool OriginTrace::blame_result(FunctionBody& body, size_t call, const CodePlace& where,
                               std::optional<uint64_t> value, const std::string& name) {
  const auto& target = body.code()[call].target.direct;
  if (!target) return false;
  const Address entry = code_.through_stub(*target);
  const std::string callee = code_.name_of(*target);
  FunctionBody* inner = code_.is_program_code(entry) ? code_.at(entry) : nullptr;
  if (inner == nullptr) {
    if (callee.empty()) return false;
    if (about_bounds_ && is_allocator(callee)) {
      const std::string why = fmt::format("allocates {} with {}()", quoted(name), callee);
      trail_.step(Kind::kStore, fmt::format("{} {}", where.text(), why), where, std::nullopt,
                  "heuristic");
      trail_.suspect(where, std::nullopt, Reason::kAllocated, why);
      return true;
    }
    // That memory ran out is the last thing to think of.
    const bool may_be_null = !about_lifetime_ && !is_allocator(callee) && value == 0;
    const std::string why = fmt::format("stores what {}() returned in {}", callee, quoted(name));
    if (may_be_null)
      trail_.step(Kind::kStore, fmt::format("{} {}", where.text(), why), where, std::nullopt,
                  "heuristic");
    trail_.suspect(where, std::nullopt, may_be_null ? Reason::kStoresResult : Reason::kStoresOther,
                   why);
    return may_be_null;
  }
  if (!value) return false;
  const auto at = may_return(*inner, *value, 0);
  if (!at) return false;
  const CodePlace& origin = code_.place(*at);
  trail_.step(Kind::kStore,
              fmt::format("{} stores what {}() returned in {}, and that returns {} at {}",
                          where.text(), callee, quoted(name), value_words(value), origin.at()),
              where, std::nullopt, "heuristic");
  trail_.suspect(where, std::nullopt, Reason::kDidNotCheck,
                 fmt::format("stores what {}() returned without a check", callee));
  trail_.suspect(origin, std::nullopt, Reason::kReturnedIt,
                 fmt::format("returns {} here", value_words(value)));
  return true;
}

// What is there was written by somebody; when only one function writes it at all, by that one.
void OriginTrace::blame_only_writer(const StoreAnswer& answer, const std::string& name) {
  if (answer.stores.empty() || answer.cut) return;
  const CodePlace where = code_.place(answer.stores.front().pc);
  for (const FoundStore& store : answer.stores)
    if (code_.place(store.pc).function != where.function) return;
  if (trail_.crashed(where.function)) return;
  const std::string why = fmt::format("is the only one that writes {}", quoted(name));
  trail_.step(Kind::kStore, fmt::format("{} {}", where.text(), why), where, std::nullopt,
              "heuristic");
  trail_.suspect(where, std::nullopt, Reason::kOnlyWriter, why);
}

// Who sets the member on some ways through only, and other members as well.
bool OriginTrace::blame_skipped(const StoreAnswer& answer, const StoreTarget& target) {
  bool found = false;
  for (const FoundStore& store : answer.stores) {
    const CodePlace where = code_.place(store.pc);
    if (trail_.crashed(where.function) || !is_set_sometimes(store, target)) continue;
    const std::string why = fmt::format("sets `{}` on some ways through it only", target.member);
    trail_.step(Kind::kStore, fmt::format("{} {}", where.text(), why), where, std::nullopt,
                "heuristic");
    trail_.suspect(where, std::nullopt, Reason::kLeftUnset, why);
    found = true;
  }
  return found;
}

// Who makes such objects and leaves the member as it is.
void OriginTrace::blame_makers(const StoreAnswer& answer, const StoreTarget& target) {
  for (const Address start : answer.initialisers) {
    const CodePlace& where = code_.place(start);
    const bool maker = names_a_maker(where.function);
    if (maker)
      trail_.step(Kind::kStore,
                  fmt::format("{} sets other members of {}, but not `{}`", where.name(),
                              target.structure, target.member),
                  where, std::nullopt, "heuristic");
    trail_.suspect(where, std::nullopt, maker ? Reason::kLeftUnset : Reason::kSetsOthers,
                   fmt::format("sets other members, but not `{}`", target.member));
  }
}

StoreTarget OriginTrace::target_of(FunctionBody& body, size_t at, size_t operand) {
  const Instruction& one = body.code()[at];
  const isa::MemoryOperand& memory = one.memory[operand];
  StoreTarget target;
  target.size = memory.size;
  target.displacement = memory.displacement;
  if (memory.base == isa::pc_register(body.code().arch()))
    target.address = body.flow().address(at, memory);
  if (process::SourceNames* names = body.names()) {
    const auto explained = names->memory_at(one, operand);
    if (explained.member) {
      target.structure = explained.member->structure;
      target.member = explained.member->member;
      target.offset = explained.member->offset;
    }
  }
  return target;
}

std::set<std::string> OriginTrace::blame_all_writers(FunctionBody& body, size_t at, size_t operand,
                                                     Reason reason, const std::string& deed) {
  std::set<std::string> out;
  const StoreTarget target = target_of(body, at, operand);
  const StoreAnswer answer = find_stores(code_, body.code()[at].pc, target);
  for (const FoundStore& store : answer.stores) {
    const CodePlace where = code_.place(store.pc);
    const std::string why = fmt::format(
        "writes {}, {}",
        target.member.empty() ? "it" : fmt::format("`{}::{}`", target.structure, target.member),
        deed);
    if (trail_.crashed(where.function)) continue;
    out.insert(where.function);
    trail_.step(Kind::kStore, fmt::format("{} {}", where.text(), why), where, std::nullopt,
                "heuristic");
    trail_.suspect(where, std::nullopt, reason, why);
    const auto& stored = store.body->code()[store.at].stores_register;
    if (!stored || reason == Reason::kSetsOthers) continue;
    // A setter does what its callers want.
    const auto sources = process::find_sources(store.body->flow(), store.at,
                                               Spot::in_register(*stored), std::nullopt);
    if (sources.size() != 1 || sources[0].kind != Returned::Kind::kArgument) continue;
    for (const Address call : find_calls_to(code_, store.pc, store.body->code().entry()))
      trail_.suspect(code_.place(call), std::nullopt, reason,
                     fmt::format("has {} set it", where.name()));
  }
  return out;
}

// True when somebody was found who could have given the value.
bool OriginTrace::blame_writers(FunctionBody& body, size_t at, size_t operand,
                                std::optional<uint64_t> value, const std::string& name) {
  const Instruction& one = body.code()[at];
  const StoreTarget target = target_of(body, at, operand);
  if (target.structure.empty() && !target.address) return false;
  const StoreAnswer answer = find_stores(code_, one.pc, target);
  has_writers_ = !answer.stores.empty();
  if (target.address) blame_global(body, at, *target.address, Reason::kChangedIt, name);
  const std::string what =
      target.member.empty() ? name : fmt::format("{}::{}", target.structure, target.member);
  size_t named = 0;
  bool could = false;
  for (const FoundStore& store : answer.stores) {
    if (value || about_lifetime_) {
      could = blame_store(store, value, what) || could;
      continue;
    }
    if (++named > kMaxNamedStores) break;
    const CodePlace& where = code_.place(store.pc);
    trail_.step(Kind::kStore, fmt::format("{} writes {}", where.text(), quoted(what)), where,
                std::nullopt, "heuristic");
    trail_.suspect(where, std::nullopt, is_changed_ ? Reason::kChangedIt : Reason::kStoresOther,
                   fmt::format("writes {}", quoted(what)));
  }
  if (!about_lifetime_) could = blame_bulk(body, at, operand, target, value) || could;
  // Neither text nor a fill pattern, which nobody stores as a member.
  const bool is_plausible = value && (*value == 0 ? target.size < 8 : *value >> 48 == 0);
  if (is_plausible && !could && !about_lifetime_) blame_only_writer(answer, what);
  if (value && !could && !about_lifetime_ && !about_bounds_) {
    if (*value == 0) could = blame_skipped(answer, target);
    if (!could) blame_makers(answer, target);
  }
  if (answer.stores.empty() && answer.initialisers.empty() && !could) {
    const std::string_view why =
        answer.cut ? "there is too much code to search for who" : "no code that was found";
    trail_.step(Kind::kLost, fmt::format("{} writes {}", why, quoted(what)), code_.place(one.pc),
                body.frame(), "heuristic");
  }
  return could;
}

}  // namespace inquest::diagnosis
