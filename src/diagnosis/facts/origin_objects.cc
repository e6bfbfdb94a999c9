// OriginTrace: the objects that bad values were read from, and how their addresses got about.
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

constexpr size_t kMaxTakers = 4;   // more functions know it: nobody stands out
constexpr size_t kMaxToCall = 12;  // instructions between an address and the call it is for
constexpr size_t kMaxCallersAsked = 16;
constexpr int kOwnsIt = 10;
constexpr int kUsedAccessor = 12;
constexpr int kPassedIt = 55;   // gave the very value to what stores it
constexpr int kEmptiedIt = 45;  // reset the smart pointer, erased from the container
constexpr int kEmptiedSuch = 25;
constexpr int kIsActive = 25;
constexpr int kReturnedIt = 25;
constexpr std::string_view kEmptyHints[] = {"reset", "release", "swap", "clear", "erase", "pop"};

// What takes the contents of a smart pointer or container away.
bool empties(const std::string& name) {
  if (!name.starts_with("std::")) return false;
  for (const std::string_view ending :
       {"::reset", "::release", "::swap", "::clear", "::erase", "::pop_back", "::pop"})
    if (name.ends_with(ending)) return true;
  return false;
}

}  // namespace

bool OriginTrace::is_on_stack(const std::string& function) {
  const auto& frames = code_.site().stack.frames;
  for (size_t i = code_.site().frame; i < std::min(frames.size(), code_.site().frame + 32); ++i)
    if (code_.place(frames[i].lookup_pc()).function == function) return true;
  return false;
}

bool OriginTrace::is_on_some_stack(uint64_t value) const {
  const Site& site = code_.site();
  for (size_t i = 0; i < site.image.threads.size(); ++i) {
    const ThreadStack* stack = site.map.stack_of(i);
    if (stack != nullptr && stack->range.contains(Address(value))) return true;
  }
  return false;
}

// The function that the address made at `pc` is passed to, if it soon is.
std::string OriginTrace::given_to(FunctionBody& taker, Address pc) {
  auto index = taker.code().at(pc);
  if (!index) index = taker.code().at(pc - 1);
  if (!index) return {};
  const size_t end = std::min(*index + kMaxToCall, taker.code().size());
  for (size_t i = *index; i < end; ++i) {
    const Instruction& one = taker.code()[i];
    if (one.flow == Flow::kCall)
      return one.target.direct ? code_.name_of(*one.target.direct) : std::string();
  }
  return {};
}

void OriginTrace::blame_global(FunctionBody& body, size_t at, Address address, int weight,
                               const std::string& name) {
  const auto symbol = code_.site().symbols.symbol_at(address);
  if (!symbol || symbol->module == nullptr) return;
  const Address near = body.code()[at].pc;
  std::vector<Address> takers = find_address_takers(code_, near, address);
  if (takers.empty() && symbol->offset != 0)
    takers = find_address_takers(code_, near, address - symbol->offset);
  if (takers.size() > kMaxTakers) return;
  const std::string what = symbol->name.empty() ? quoted(name) : quoted(symbol->name);
  for (const Address pc : takers) {
    FunctionBody* taker = code_.at(pc);
    if (taker == nullptr || taker->code().entry() == body.code().entry()) continue;
    const CodePlace where = code_.place(pc);
    const std::string given = given_to(*taker, pc);
    const std::string why = given.empty()
                                ? fmt::format("makes the address of {}", what)
                                : fmt::format("passes the address of {} to {}()", what, given);
    trail_.step(Kind::kArgument, fmt::format("{} {}", where.text(), why), where, std::nullopt,
                "heuristic");
    trail_.suspect(where, std::nullopt, given.empty() ? weight / 2 : weight, why);
  }
}

// Memory on the stack: the slot of the function whose frame it lies in.
bool OriginTrace::in_frame(Followed& value, Address address, uint32_t size,
                           const std::string& text) {
  const auto& frames = code_.site().stack.frames;
  for (size_t i = code_.site().frame; i < frames.size(); ++i) {
    const auto sp = frames[i].registers.sp();
    if (!sp || !frames[i].cfa || address < *sp || address >= *frames[i].cfa) continue;
    FunctionBody* owner = code_.of_frame(i);
    if (owner == nullptr) return false;
    value.body = owner;
    value.at = owner->current();
    value.spot = Spot::in_slot(static_cast<int64_t>(address.value - frames[i].cfa->value), size);
    if (!text.empty()) value.name = text;
    const CodePlace& where = place(*owner, value.at);
    trail_.step(Kind::kLoad,
                fmt::format("{} lies on the stack of {}", quoted(value.name), where.name()), where,
                i);
    trail_.suspect(where, i, kOwnsIt, fmt::format("{} is its local variable", quoted(value.name)));
    return true;
  }
  return false;
}

void OriginTrace::blame_callers(const FoundStore& store, RegisterId argument,
                                std::optional<uint64_t> value, const std::string& name) {
  if (!value) return;
  const Address entry = store.body->code().entry();
  const auto calls = find_calls_to(code_, store.pc, entry);
  for (size_t i = 0; i < std::min(calls.size(), kMaxCallersAsked); ++i)
    blame_argument(calls[i], argument, *value, name);
}

void OriginTrace::blame_argument(Address call, RegisterId argument, uint64_t value,
                                 const std::string& name) {
  FunctionBody* body = code_.at(call);
  const auto at = body == nullptr ? std::nullopt : body->code().at(call);
  if (!at) return;
  const CodePlace where = code_.place(call);
  const auto blame = [&](int weight, const std::string& what) {
    const std::string why = fmt::format("passes {} for {}", what, quoted(name));
    trail_.step(Kind::kArgument, fmt::format("{} {}", where.text(), why), where, std::nullopt,
                "heuristic");
    trail_.suspect(where, std::nullopt, weight, why);
  };
  if (const auto passed = body->flow().value(*at, argument)) {
    if (*passed == value) blame(kPassedIt, value_words(value));
    return;
  }
  const auto sources = process::find_sources(body->flow(), *at, Spot::in_register(argument), value);
  for (const Returned& source : sources) {
    const Instruction& one = body->code()[source.at];
    if (source.kind == Returned::Kind::kConstant) blame(kPassedIt, value_words(value));
    if (source.kind == Returned::Kind::kOther && one.address_of &&
        body->flow().layout().slot(source.at, *one.address_of) && is_on_some_stack(value))
      blame(kPassedIt, "the address of a local variable");
    if (source.kind != Returned::Kind::kCall || one.flow != Flow::kCall || !one.target.direct)
      continue;
    const Address entry = code_.through_stub(*one.target.direct);
    FunctionBody* callee = code_.is_program_code(entry) ? code_.at(entry) : nullptr;
    if (callee == nullptr) continue;
    const auto returns = process::find_returns(callee->flow(), value);
    const auto constant = std::ranges::find(returns, Returned::Kind::kConstant, &Returned::kind);
    if (constant == returns.end()) continue;
    blame(kPassedIt, fmt::format("what {} returned", code_.place(entry).name()));
    trail_.suspect(place(*callee, constant->at), std::nullopt, kReturnedIt,
                   fmt::format("returns {} here", value_words(value)));
  }
}

// A function of the standard library that hands out what its object holds: the object is what
// matters, and who emptied it.
bool OriginTrace::by_accessor(Followed& value, size_t call, const std::string& callee) {
  FunctionBody& body = *value.body;
  const CodePlace where = place(body, call);
  process::SourceNames* names = body.names();
  const auto first = isa::argument_register(body.code().arch(), 0);
  if (names == nullptr) return false;
  const auto object = names->register_at(body.code()[call].pc, *first);
  const std::string text = object ? object->text : value.name;
  trail_.step(Kind::kReturn,
              fmt::format("{} came out of {} by {}() in {}", quoted(value.name), quoted(text),
                          last_name(callee), where.text()),
              where, body.frame());
  trail_.suspect(where, body.frame(), kUsedAccessor, fmt::format("used {}", quoted(text)));
  const std::string wanted = last_name(text), holder = callee.substr(0, callee.rfind("::"));
  for (const FoundCall& found : find_calls(code_, where.pc, kEmptyHints, empties)) {
    FunctionBody* emptier = code_.at(found.pc);
    process::SourceNames* theirs = emptier == nullptr ? nullptr : emptier->names();
    const auto emptied = theirs == nullptr ? std::nullopt : theirs->register_at(found.pc, *first);
    const bool same_name = emptied && !wanted.empty() && last_name(emptied->text) == wanted;
    if (!same_name && !found.callee.starts_with(holder + "::")) continue;
    const CodePlace there = code_.place(found.pc);
    if (there.function == where.function) continue;
    const std::string why = fmt::format(
        "changes {} with {}()", quoted(emptied ? emptied->text : ""), last_name(found.callee));
    trail_.step(Kind::kStore, fmt::format("{} {}", there.text(), why), there, std::nullopt,
                "heuristic");
    // It emptied the object and then went on to use it.
    const int active = is_on_stack(there.function) ? kIsActive : 0;
    trail_.suspect(there, std::nullopt, (same_name ? kEmptiedIt : kEmptiedSuch) + active, why);
  }
  return false;
}

}  // namespace inquest::diagnosis
