#include "diagnosis/facts/origin_lifetime.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "diagnosis/facts/origin_stores.h"

namespace inquest::diagnosis {
namespace {

constexpr int kFreesSuchAnObject = 35;
constexpr int kFrees = 12;

bool is_release(const std::string& name) {
  for (const std::string_view freeing : {"free", "operator delete", "operator delete[]", "realloc",
                                         "cfree", "munmap", "__rust_dealloc"}) {
    if (name == freeing) return true;
  }
  return false;
}

bool looks_freed(const AddressFacts& facts) {
  return facts.has(AddressTrait::kFreedTcacheLink) || facts.has(AddressTrait::kPoison);
}

// Was the object gone when it was used?
bool is_about_lifetime(const Facts& facts) {
  if (facts.abort.kind == AbortFacts::Kind::kGlibcHeap) return true;
  if (facts.heap) {
    for (const AllocationFact& allocation : facts.heap->allocations)
      if (allocation.state == AllocationFact::State::kFreed) return true;
  }
  if (!facts.fault) return false;
  if (facts.fault->address_facts && looks_freed(*facts.fault->address_facts)) return true;
  if (!facts.fault->operand) return false;
  const OperandFacts& operand = *facts.fault->operand;
  return (operand.pointer && looks_freed(*operand.pointer)) ||
         (operand.address && looks_freed(*operand.address));
}

std::string last_word(const std::string& text) {
  size_t from = text.find_last_of(".>");
  from = from == std::string::npos ? 0 : from + 1;
  return text.substr(from);
}

const ExpressionFact* expression_of(const Facts& facts) {
  if (facts.abort.argument) return &*facts.abort.argument;
  if (facts.fault && facts.fault->operand && facts.fault->operand->expression)
    return &*facts.fault->operand->expression;
  return nullptr;
}

}  // namespace

void blame_lifetime(OriginCode& code, const Facts& facts, OriginTrail& trail) {
  if (!is_about_lifetime(facts) || !facts.user_frame) return;
  const ExpressionFact* used = expression_of(facts);
  const Address near = facts.crashing.frames[*facts.user_frame].pc;
  for (const FoundCall& call : find_calls(code, near, &is_release)) {
    FunctionBody* body = code.at(call.pc);
    const CodePlace where = code.place(call.pc);
    std::string freed, type;
    const auto first = isa::argument_register(code.site().arch(), 0);
    if (process::SourceNames* names = body == nullptr ? nullptr : body->names()) {
      if (const auto found = names->register_at(call.pc, *first))
        freed = found->text, type = found->type;
    }
    const bool same_name =
        used != nullptr && !freed.empty() && last_word(freed) == last_word(used->text);
    const bool same_type = used != nullptr && !type.empty() && type == used->type &&
                           type != "void*" && type != "char*";
    if (same_name || same_type) {
      trail.step(OriginStep::Kind::kStore,
                 fmt::format("{} frees {} with {}()", where.text(), quoted(freed), call.callee),
                 where, std::nullopt, "heuristic");
      trail.suspect(where, std::nullopt, kFreesSuchAnObject,
                    fmt::format("frees {} with {}()", quoted(freed), call.callee));
    } else {
      trail.suspect(where, std::nullopt, kFrees,
                    fmt::format("frees memory with {}()", call.callee));
    }
  }
}

}  // namespace inquest::diagnosis
