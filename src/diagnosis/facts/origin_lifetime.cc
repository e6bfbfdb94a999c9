#include "diagnosis/facts/origin_lifetime.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "diagnosis/facts/origin_stores.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxReleasers = 8;

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

// "_ZNSt6vectorI5RouteSaIS0_EE17_M_realloc_insert…" is about Route; with "P5Route" it is not.
bool has_mangled_argument(std::string_view linkage, const std::string& type) {
  const std::string last = type.substr(type.rfind(':') + 1);
  if (last.empty() || type.find('<') != std::string::npos) return false;
  const std::string mangled = fmt::format("{}{}", last.size(), last);
  const size_t at = linkage.find(mangled);
  if (at == std::string_view::npos || at == 0) return false;
  const size_t before = linkage.find_last_of("PRI", at);
  return before != std::string_view::npos && linkage[before] == 'I';
}

bool is_release(const std::string& name) {
  return is_one_of(public_name(name), {"free", "cfree", "operator delete", "operator delete[]",
                                       "realloc", "munmap", "rust_dealloc"});
}

// Members of containers after which pointers into them, or to their elements, may be dead.
bool moves_elements(const std::string& name) {
  if (!name.starts_with("std::")) return false;
  const std::string method = last_part(name);
  if (is_one_of(method,
                {"erase", "clear", "pop_back", "pop_front", "pop", "reset", "resize", "assign"}) ||
      method.starts_with("_M_erase") || method.starts_with("~"))
    return true;
  // Lists and trees keep their elements where they are when they grow.
  if (name.find("list") != std::string::npos || name.find("map") != std::string::npos ||
      name.find("set") != std::string::npos || name.find("_Rb_tree") != std::string::npos)
    return false;
  return is_one_of(method, {"push_back", "push_front", "emplace_back", "insert", "emplace",
                            "shrink_to_fit", "reserve", "append"}) ||
         method.starts_with("_M_realloc") || method.starts_with("_M_default_append") ||
         method.starts_with("_M_fill_insert");
}

constexpr std::string_view kReleaseHints[] = {"free",    "_ZdlPv", "_ZdaPv",
                                              "realloc", "munmap", "dealloc"};
constexpr std::string_view kMoveHints[] = {"erase",   "clear",  "pop_",   "reset",  "push_",
                                           "emplace", "resize", "insert", "shrink", "reserve",
                                           "assign",  "append", "D1Ev",   "D2Ev",   "_M_realloc"};

bool looks_freed(const AddressFacts& facts) {
  return facts.has(AddressTrait::kFreedTcacheLink) || facts.has(AddressTrait::kPoison);
}

// A whole address of user space that nothing is mapped at: its mapping is gone.
bool looks_unmapped(const AddressFacts& facts) {
  constexpr uint64_t kLow = uint64_t{1} << 32;
  return facts.has(AddressTrait::kUnmapped) && !facts.has(AddressTrait::kNonCanonical) &&
         !facts.has(AddressTrait::kText) && facts.address.value >= kLow;
}

// Garbage where a pointer was to be.
bool is_garbage(const Facts& facts) {
  constexpr uint64_t kSmall = 1 << 16;
  return facts.fault && facts.fault->operand && facts.fault->operand->bad_value &&
         *facts.fault->operand->bad_value >= kSmall;
}

const ExpressionFact* expression_of(const Facts& facts) {
  if (facts.abort.argument) return &*facts.abort.argument;
  if (facts.fault && facts.fault->operand && facts.fault->operand->expression)
    return &*facts.fault->operand->expression;
  return nullptr;
}

class Lifetime {
 public:
  Lifetime(OriginCode& code, const Facts& facts, OriginTrail& trail)
      : code_(code),
        facts_(facts),
        trail_(trail),
        used_(expression_of(facts)),
        sure_(is_about_lifetime(facts)) {
    const FrameFact& frame = facts.crashing.frames[*facts.open_frame()];
    near_ = frame.pc;
    const std::string& name = frame.functions[facts.open_function()].short_name;
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
    if (names_.contains(last_name(freed.text))) return true;
    if (freed.type.ends_with("**")) return false;  // pointers to such objects
    const std::string type = pointee(freed.type);
    return types_.contains(type) || std::ranges::any_of(types_, [&](const std::string& known) {
             return has_argument(freed.type, known);  // a node of a list of them
           });
  }

  // Of a class that derives from what was used.
  bool is_derived(const FoundCall& call) {
    process::SourceNames* names = code_.at(call.pc)->names();
    const auto first = isa::argument_register(code_.site().arch(), 0);
    return std::ranges::any_of(names->bases_at(call.pc, *first), [&](const std::string& base) {
      return types_.contains(pointee(base));
    });
  }

  // The type of what a deallocator of the library, inlined here, is for: the node of a list of
  // them.
  std::string inlined_type(const CodePlace& where) const {
    for (const std::string& type : types_)
      for (const std::string& function : where.inlined)
        if (function.find("deallocate") != std::string::npos && has_argument(function, type))
          return type;
    return {};
  }

  // Destructors do what they are told: who destroyed the object is meant.
  static bool is_destructor(const std::string& function) {
    return last_part(function).starts_with("~");
  }
  static CodePlace outside_destructors(CodePlace place) {
    if (!is_destructor(place.function)) return place;
    for (const std::string& caller : place.callers) {
      if (is_destructor(caller)) continue;
      place.function = caller;
      break;
    }
    return place;
  }

  void released(const FoundCall& call) {
    const auto freed = argument(call);
    const CodePlace where = outside_destructors(code_.place(call.pc));
    if (const std::string type = inlined_type(where); !type.empty()) {
      const std::string why = fmt::format("frees a {} with {}()", type, call.callee);
      trail_.step(OriginStep::Kind::kStore, fmt::format("{} {}", where.text(), why), where,
                  std::nullopt, "heuristic");
      trail_.suspect(where, std::nullopt, sure_ ? Reason::kFreesIt : Reason::kMayHaveFreed, why);
      return;
    }
    if (!freed || (!is_it(*freed) && !is_derived(call))) {
      trail_.suspect(where, std::nullopt, Reason::kFrees,
                     fmt::format("frees memory with {}()", call.callee));
      return;
    }
    // Names of the library's own variables tell nobody anything.
    const std::string what = freed->text.starts_with("__")
                                 ? fmt::format("a {}", pointee(freed->type))
                                 : fmt::format("`{}`", freed->text);
    const std::string why = fmt::format("frees {} with {}()", what, call.callee);
    trail_.step(OriginStep::Kind::kStore, fmt::format("{} {}", where.text(), why), where,
                std::nullopt, "heuristic");
    // Of what died in free(), that it frees is no news.
    const bool is_news =
        facts_.abort.kind != AbortFacts::Kind::kGlibcHeap || !trail_.crashed(where.function);
    if (is_news && !is_destructor(where.function))
      trail_.suspect(where, std::nullopt, sure_ ? Reason::kFreesIt : Reason::kMayHaveFreed, why);
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
      trail_.suspect(where, std::nullopt,
                     active || !sure_ ? Reason::kHandedOn : Reason::kHasItFreed,
                     fmt::format("has it freed by {}", callee));
    }
  }

  void moved(const FoundCall& call) {
    const CodePlace where = code_.place(call.pc);
    if (trail_.has_come_from(where.function)) return;
    // The elements are pointers: what they point at stays where it is.
    if (std::ranges::any_of(types_, [&](const std::string& type) {
          return call.callee.find("<" + type + "*") != std::string::npos;
        }))
      return;
    const bool same_class = !scope_.empty() && where.function.starts_with(scope_ + "::");
    const std::string method = last_part(call.callee);
    const bool ends = method.starts_with("~");
    const bool such = !ends && std::ranges::any_of(types_, [&](const std::string& type) {
      return has_argument(call.callee, type) || has_mangled_argument(call.linkage, type);
    });
    trail_.suspect(where, std::nullopt,
                   ends                            ? Reason::kFrees
                   : sure_ && (such || same_class) ? Reason::kMovesSuch
                   : such                          ? Reason::kMayHaveFreed
                                                   : Reason::kMoves,
                   fmt::format("calls {}(), after which pointers to elements may be dead", method));
  }

  OriginCode& code_;
  const Facts& facts_;
  OriginTrail& trail_;
  const ExpressionFact* used_;
  bool sure_;  // that the object was gone
  Address near_;
  std::string scope_;  // the class or namespace of the function that crashed
  std::set<std::string> types_, names_;
  size_t releasers_ = 0;
};

}  // namespace

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

void blame_lifetime(OriginCode& code, const Facts& facts, OriginTrail& trail) {
  if (!facts.open_frame() || trail.has_met_bounds() ||
      (!is_about_lifetime(facts) && !(is_garbage(facts) && trail.has_met_heap())))
    return;
  Lifetime(code, facts, trail).blame();
}

}  // namespace inquest::diagnosis
