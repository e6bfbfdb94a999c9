#include "diagnosis/facts/origin_lifetime.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "diagnosis/facts/origin_stores.h"

namespace inquest::diagnosis {
namespace {

constexpr int kFreesSuchAnObject = 45;
constexpr int kFrees = 12;
constexpr int kHandles = 5;
constexpr int kHasItFreed = 45;  // calls the function that frees
constexpr int kRemoves = 20;     // takes something out of a container, or lets it grow
constexpr int kCopies = 40;      // where the bad pointer is text
constexpr size_t kMaxReleasers = 8;

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

bool is_release(const std::string& name) {
  return is_one_of(name, {"free", "__libc_free", "cfree", "operator delete", "operator delete[]",
                          "realloc", "__libc_realloc", "munmap", "__rust_dealloc"});
}

// Members of containers after which pointers into them, or to their elements, may be dead.
bool moves_elements(const std::string& name) {
  if (!name.starts_with("std::")) return false;
  const std::string method = name.substr(name.rfind("::") + 2);
  return is_one_of(method, {"erase", "clear", "pop_back", "pop_front", "reset", "push_back",
                            "emplace_back", "resize", "insert", "emplace", "shrink_to_fit",
                            "reserve", "assign", "append"}) ||
         method.starts_with("~");
}

constexpr std::string_view kReleaseHints[] = {"free",    "_ZdlPv", "_ZdaPv",
                                              "realloc", "munmap", "dealloc"};
constexpr std::string_view kMoveHints[] = {"erase",   "clear",  "pop_",   "reset",  "push_",
                                           "emplace", "resize", "insert", "shrink", "reserve",
                                           "assign",  "append", "D1Ev",   "D2Ev"};

bool looks_freed(const AddressFacts& facts) {
  return facts.has(AddressTrait::kFreedTcacheLink) || facts.has(AddressTrait::kPoison);
}

// A whole address of user space that nothing is mapped at: its mapping is gone.
bool looks_unmapped(const AddressFacts& facts) {
  constexpr uint64_t kLow = uint64_t{1} << 32;
  return facts.has(AddressTrait::kUnmapped) && !facts.has(AddressTrait::kNonCanonical) &&
         !facts.has(AddressTrait::kText) && facts.address.value >= kLow;
}

// Was the object gone when it was used?
bool is_about_lifetime(const Facts& facts) {
  if (facts.abort.kind == AbortFacts::Kind::kGlibcHeap) return true;
  if (facts.heap) {
    for (const AllocationFact& allocation : facts.heap->allocations)
      if (allocation.state == AllocationFact::State::kFreed) return true;
  }
  if (!facts.fault) return false;
  const auto suspicious = [](const std::optional<AddressFacts>& address) {
    return address && (looks_freed(*address) || looks_unmapped(*address));
  };
  if (suspicious(facts.fault->address_facts)) return true;
  if (!facts.fault->operand) return false;
  return suspicious(facts.fault->operand->pointer) || suspicious(facts.fault->operand->address);
}

const ExpressionFact* expression_of(const Facts& facts) {
  if (facts.abort.argument) return &*facts.abort.argument;
  if (facts.fault && facts.fault->operand && facts.fault->operand->expression)
    return &*facts.fault->operand->expression;
  return nullptr;
}

// "const shop::Order*" → "shop::Order"
std::string pointee(std::string type) {
  for (const std::string_view word : {"const ", "volatile ", "struct ", "class "}) {
    for (size_t at = type.find(word); at != std::string::npos; at = type.find(word))
      type.erase(at, word.size());
  }
  std::erase_if(type, [](char c) { return c == '*' || c == '&' || c == ' '; });
  return type;
}

class Lifetime {
 public:
  Lifetime(OriginCode& code, const Facts& facts, OriginTrail& trail)
      : code_(code), facts_(facts), trail_(trail), used_(expression_of(facts)) {
    const FrameFact& frame = facts.crashing.frames[*facts.user_frame];
    near_ = frame.pc;
    const std::string& name = frame.functions[facts.user_function.value_or(0)].short_name;
    if (const size_t colons = name.rfind("::"); colons != std::string::npos)
      scope_ = name.substr(0, colons);
    if (used_ != nullptr) {
      types_.insert(pointee(used_->type));
      names_.insert(last_name(used_->text));
      names_.insert(last_name(used_->base_variable));
    }
    if (facts.fault && facts.fault->operand && facts.fault->operand->member)
      types_.insert(pointee(facts.fault->operand->member->structure));
    for (const std::string& type : trail.types()) types_.insert(pointee(type));
    types_.erase("void");
    types_.erase("char");
    types_.erase("");
    names_.erase("");
    names_.erase("this");
  }

  void blame() {
    for (const FoundCall& call : find_calls(code_, near_, kReleaseHints, is_release))
      released(call);
    for (const FoundCall& call : find_calls(code_, near_, kMoveHints, moves_elements)) moved(call);
  }

 private:
  std::optional<process::SourceExpression> argument(const FoundCall& call) {
    FunctionBody* body = code_.at(call.pc);
    process::SourceNames* names = body == nullptr ? nullptr : body->names();
    const auto first = isa::argument_register(code_.site().arch(), 0);
    return names == nullptr ? std::nullopt : names->register_at(call.pc, *first);
  }

  bool is_it(const process::SourceExpression& freed) const {
    return names_.contains(last_name(freed.text)) || types_.contains(pointee(freed.type));
  }

  void released(const FoundCall& call) {
    const auto freed = argument(call);
    const CodePlace where = code_.place(call.pc);
    if (!freed || !is_it(*freed)) {
      trail_.suspect(where, std::nullopt, kFrees,
                     fmt::format("frees memory with {}()", call.callee));
      return;
    }
    const std::string why = fmt::format("frees `{}` with {}()", freed->text, call.callee);
    trail_.step(OriginStep::Kind::kStore, fmt::format("{} {}", where.text(), why), where,
                std::nullopt, "heuristic");
    trail_.suspect(where, std::nullopt, kFreesSuchAnObject, why);
    if (++releasers_ <= kMaxReleasers) blame_callers(call);
  }

  // Who has it freed, while others still use it.
  void blame_callers(const FoundCall& release) {
    const auto range = code_.range_of(release.pc);
    if (!range) return;
    const std::string callee = code_.place(release.pc).name();
    for (const Address call : find_calls_to(code_, near_, range->start)) {
      const CodePlace where = code_.place(call);
      const bool active = std::ranges::any_of(facts_.crashing.frames, [&](const FrameFact& frame) {
        return frame.functions.back().short_name == where.function;
      });
      trail_.suspect(where, std::nullopt, active ? kHandles : kHasItFreed,
                     fmt::format("has it freed by {}", callee));
    }
  }

  void moved(const FoundCall& call) {
    const CodePlace where = code_.place(call.pc);
    const bool same_class = !scope_.empty() && where.function.starts_with(scope_ + "::");
    const std::string method = call.callee.substr(call.callee.rfind("::") + 2);
    const bool ends = method.starts_with("~");
    trail_.suspect(where, std::nullopt,
                   ends         ? kFrees
                   : same_class ? kRemoves + 15
                                : kRemoves,
                   fmt::format("calls {}(), after which pointers to elements may be dead", method));
  }

  OriginCode& code_;
  const Facts& facts_;
  OriginTrail& trail_;
  const ExpressionFact* used_;
  Address near_;
  std::string scope_;  // the class or namespace of the function that crashed
  std::set<std::string> types_, names_;
  size_t releasers_ = 0;
};

// Text where a pointer was to be: something that was copied ran over.
bool is_overwritten_by_text(const Facts& facts) {
  if (!facts.fault || !facts.fault->operand) return false;
  const auto& pointer = facts.fault->operand->pointer;
  return pointer && pointer->has(AddressTrait::kText);
}

bool copies(const std::string& name) {
  return is_one_of(name, {"strcpy", "strcat", "stpcpy", "sprintf", "vsprintf", "memcpy", "memmove",
                          "gets", "read", "recv", "fread", "__isoc99_sscanf", "sscanf"});
}

void blame_copies(OriginCode& code, const Facts& facts, OriginTrail& trail) {
  if (!facts.user_frame || !is_overwritten_by_text(facts)) return;
  const Address near = facts.crashing.frames[*facts.user_frame].pc;
  for (const FoundCall& call : find_calls(code, near, {}, copies))
    trail.suspect(code.place(call.pc), std::nullopt, kCopies,
                  fmt::format("copies with {}(): text lies where the pointer was", call.callee));
  for (const Address pc : find_byte_stores(code, near))
    trail.suspect(code.place(pc), std::nullopt, kCopies,
                  "copies byte by byte: text lies where the pointer was");
}

}  // namespace

void blame_lifetime(OriginCode& code, const Facts& facts, OriginTrail& trail) {
  blame_copies(code, facts, trail);
  if (!facts.user_frame || !is_about_lifetime(facts)) return;
  Lifetime(code, facts, trail).blame();
}

}  // namespace inquest::diagnosis
