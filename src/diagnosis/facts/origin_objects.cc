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

constexpr size_t kMaxTakers = 4;  // more functions know it: nobody stands out
constexpr size_t kMaxFramesAsked = 64;
constexpr size_t kMaxToCall = 12;  // instructions between an address and the call it is for
constexpr std::string_view kEmptyHints[] = {"reset", "release", "swap", "clear",
                                            "erase", "pop",     "move"};

// What takes the contents of a smart pointer or container away.
bool empties(const std::string& name) {
  if (!name.starts_with("std::")) return false;
  const std::string method = last_part(name);
  for (const std::string_view one :
       {"reset", "release", "swap", "clear", "erase", "pop_back", "pop", "move"})
    if (method == one) return true;
  return false;
}

// Accessors, as against functions that look for something.
bool hands_out(const std::string& method) {
  if (method.empty() || method.starts_with("operator")) return true;
  for (const std::string_view one :
       {"get", "data", "begin", "front", "back", "value", "c_str", "at", "top", "base", "end",
        "cbegin", "forward", "move", "addressof"})
    if (method == one) return true;
  return method.starts_with("_M_") || method.starts_with("__");
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
    if (stack == nullptr || !stack->range.contains(Address(value))) continue;
    // What another thread still has on its stack is as good as any.
    const auto sp = site.image.threads[i].registers.sp();
    return i == site.thread || !sp || Address(value) < *sp;
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

void OriginTrace::blame_global(FunctionBody& body, size_t at, Address address, Reason reason,
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
    trail_.suspect(where, std::nullopt, given.empty() ? Reason::kMakesAddress : reason, why);
  }
}

// Whose local variables of that type have their address passed on: one of them is gone.
void OriginTrace::blame_locals(FunctionBody& body, size_t at, const std::string& type) {
  if (type.empty() || type == "void" || type == "char") return;
  size_t named = 0;
  for (const Address pc : find_stack_addresses(code_, body.code()[at].pc)) {
    FunctionBody* owner = code_.at(pc);
    process::SourceNames* names = owner == nullptr ? nullptr : owner->names();
    const auto index = owner == nullptr ? std::nullopt : owner->code().at(pc);
    if (names == nullptr || !index || *index + 1 >= owner->code().size()) continue;
    const Instruction& taken = owner->code()[*index];
    const auto made = names->register_at(owner->code()[*index + 1].pc, taken.writes[0]);
    if (!made || made->type.ends_with("**") || pointee(made->type) != type) continue;
    const CodePlace where = code_.place(pc);
    const std::string given = given_to(*owner, pc);
    if (is_on_stack(where.function) || ++named > kMaxTakers) continue;
    const std::string why =
        given.empty()
            ? fmt::format("hands out the address of its local variable {}", quoted(made->text))
            : fmt::format("passes the address of its local variable {} to {}()", quoted(made->text),
                          given);
    trail_.step(Kind::kArgument, fmt::format("{} {}", where.text(), why), where, std::nullopt,
                "heuristic");
    trail_.suspect(where, std::nullopt, Reason::kHandedOut, why);
  }
}

std::optional<bool> OriginTrace::leads_right(const process::SourceExpression& pointer,
                                             Address object, std::string& found) {
  const Site& site = code_.site();
  const std::string wanted = pointee(pointer.type);
  if (site.variables == nullptr || wanted.empty() || wanted == "void" || wanted == "char")
    return std::nullopt;
  std::optional<process::ObjectAt> lies;
  if (const auto symbol = site.symbols.symbol_at(object)) {
    if (symbol->module != nullptr) lies = site.variables->object_at(object, wanted);
  } else {
    const auto& frames = site.stack.frames;
    for (size_t i = site.frame; i < std::min(frames.size(), site.frame + kMaxFramesAsked); ++i) {
      const auto sp = frames[i].registers.sp();
      if (!sp || !frames[i].cfa || object < *sp || object >= *frames[i].cfa) continue;
      lies = site.variables->object_at(object, wanted, &site.stack, i);
      break;
    }
  }
  if (!lies) return std::nullopt;
  found = fmt::format("`{}`, a {}", lies->text, lies->type);
  return lies->is_wanted;
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
    trail_.suspect(where, i, Reason::kOwnsIt,
                   fmt::format("{} is its local variable", quoted(value.name)));
    return true;
  }
  return false;
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
                          last_part(callee), where.text()),
              where, body.frame());
  // What hands out what its object holds is used as a matter of course; what looks for something
  // may not find it.
  const bool may_fail = is_error_value(value.value) && !hands_out(last_part(callee));
  trail_.suspect(where, body.frame(), may_fail ? Reason::kLibraryGave : Reason::kUsedAccessor,
                 may_fail
                     ? fmt::format("used what {}() returned without a check", last_part(callee))
                     : fmt::format("used {}", quoted(text)));
  const std::string wanted = last_name(text), holder = callee.substr(0, callee.rfind("::"));
  for (const FoundCall& found : find_calls(code_, where.pc, kEmptyHints, empties)) {
    FunctionBody* emptier = code_.at(found.pc);
    process::SourceNames* theirs = emptier == nullptr ? nullptr : emptier->names();
    const auto emptied = theirs == nullptr ? std::nullopt : theirs->register_at(found.pc, *first);
    const CodePlace there = code_.place(found.pc);
    const bool moves = last_part(found.callee) == "move";
    bool same_name = emptied && !wanted.empty() && last_name(emptied->text) == wanted;
    // `pass` was moved from, `pass.target` is looked into.
    same_name = same_name || (emptied && moves && object && !object->base_variable.empty() &&
                              emptied->base_variable == object->base_variable);
    const bool here = there.function == where.function;
    if (!same_name && (moves ? !here || object : !found.callee.starts_with(holder + "::")))
      continue;
    if (here && (!moves || found.pc >= body.code()[call].pc)) continue;
    const std::string why = fmt::format(
        "changes {} with {}()", quoted(emptied ? emptied->text : ""), last_part(found.callee));
    trail_.step(Kind::kStore, fmt::format("{} {}", there.text(), why), there, std::nullopt,
                "heuristic");
    trail_.suspect(there, std::nullopt, same_name ? Reason::kEmptied : Reason::kEmptiedSuch, why);
    // It emptied the object and then went on to use it.
    if (is_on_stack(there.function)) trail_.corroborate(there.function, "and still runs");
  }
  return false;
}

}  // namespace inquest::diagnosis
