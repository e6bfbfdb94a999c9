#include "diagnosis/facts/caller_argument.h"

#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/call_arguments.h"
#include "diagnosis/facts/roles.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxLibraryFrames = 6;
// Below it a value is null or a small number: every frame holds some, so that an equal one further
// up the stack tells nothing.
constexpr uint64_t kTelling = 65536;
// String functions round pointers down to a vector before they step through them.
constexpr uint64_t kMaxRounding = 64;

bool is_library_role(CodeRole role) {
  return role == CodeRole::kLibrary || role == CodeRole::kLanguage || role == CodeRole::kAbort;
}

bool is_library_frame(const FrameFact& frame) {
  for (const FunctionFact& function : frame.functions) {
    if (!is_library_role(function.role)) return false;
  }
  return true;
}

bool is_pointer_type(const std::string& type) {
  return type.empty() || type.find('*') != std::string::npos || type.find('&') != std::string::npos;
}

struct Match {
  process::OperandExplanation explanation;
  uint64_t advance = 0;
};

// Could a function that was given `from` have walked to `to`, through memory that is there?
bool leads_to(const process::ProcessImage& image, uint64_t from, uint64_t to) {
  if (from == to || from - to < kMaxRounding) return true;
  if (to < from) return false;
  Address reached(from);
  for (const process::Mapping* mapping = image.mapping_at(reached); mapping != nullptr;
       mapping = image.mapping_at(reached)) {
    if (Address(to) <= mapping->range.end) return true;
    reached = mapping->range.end;
  }
  return false;
}

std::optional<Match> find_argument(const Site& site, size_t caller, uint64_t value, bool exact) {
  std::optional<Match> best;
  for (unsigned n = 0; n < kRegisterArguments; ++n) {
    process::OperandExplanation found = site.variables->explain_argument(site.stack, caller, n);
    if (!found.pointer || !found.pointer->value_known || !is_pointer_type(found.pointer->type))
      continue;
    const uint64_t advance = value - found.pointer->value;
    if (exact ? advance != 0 : !leads_to(site.image, found.pointer->value, value)) continue;
    if (!best || advance < best->advance) best = Match{std::move(found), advance};
  }
  return best;
}

// User code whose register still is what the caller passed in it: a function that the compiler
// cloned and whose parameters it changed, or one without debug information.
void explain_by_register(const Site& site, const StackFacts& frames, OperandFacts& operand) {
  const size_t caller = site.frame + 1;
  if (caller >= frames.frames.size() || caller >= site.stack.frames.size()) return;
  for (unsigned n = 0; n < kRegisterArguments; ++n) {
    const auto id = isa::argument_register(site.arch(), n);
    if (!id || isa::register_name(site.arch(), *id) != operand.bad_register) continue;
    const auto found = site.variables->explain_argument(site.stack, caller, n);
    if (!found.pointer || !found.pointer->value_known || found.pointer->value != *operand.bad_value)
      return;
    operand.expression = to_fact(*found.pointer);
    operand.why_no_expression.clear();
    return;
  }
}

}  // namespace

bool comes_from_start(const StackFacts& frames, const ExpressionFact& expression) {
  return std::any_of(frames.frames.begin(), frames.frames.end(), [&](const FrameFact& frame) {
    return std::any_of(frame.functions.begin(), frame.functions.end(), [&](const FunctionFact& f) {
      return f.role == CodeRole::kStart && !f.short_name.empty() &&
             f.short_name == expression.function;
    });
  });
}

std::optional<ExpressionFact> first_argument(const Site& site, const StackFacts& frames,
                                             size_t function) {
  if (site.variables == nullptr) return std::nullopt;
  std::optional<uint64_t> value;
  const size_t last =
      std::min({function + 1 + kMaxLibraryFrames, frames.frames.size(), site.stack.frames.size()});
  for (size_t caller = function + 1; caller < last; ++caller) {
    if (is_library_frame(frames.frames[caller])) {
      // Library code that passes its own argument on tells at least the value.
      const auto passed = site.variables->explain_argument(site.stack, caller, 0);
      if (passed.pointer && passed.pointer->value_known && !value) value = passed.pointer->value;
      continue;
    }
    if (!value) {
      const auto found = site.variables->explain_argument(site.stack, caller, 0);
      if (!found.pointer) return std::nullopt;
      ExpressionFact expression = to_fact(*found.pointer);
      if (caller != function + 1) expression.trust = "heuristic";
      return expression;
    }
    if (*value < kTelling) return std::nullopt;
    const auto match = find_argument(site, caller, *value, true);
    if (!match) return std::nullopt;
    ExpressionFact expression = to_fact(*match->explanation.pointer);
    expression.trust = "heuristic";
    return expression;
  }
  return std::nullopt;
}

void explain_by_caller(const Site& site, const StackFacts& frames, OperandFacts& operand) {
  if (site.variables == nullptr || !operand.bad_value || site.frame >= frames.frames.size()) return;
  // What is inlined into user code has no call of its own.
  if (operand.expression && !is_library_frame(frames.frames[site.frame])) return;
  if (!operand.expression && !is_library_frame(frames.frames[site.frame])) {
    explain_by_register(site, frames, operand);
    return;
  }
  size_t caller = site.frame + 1;
  while (caller < frames.frames.size() && caller <= site.frame + kMaxLibraryFrames &&
         is_library_frame(frames.frames[caller])) {
    ++caller;
  }
  const size_t next = site.frame + 1;
  // A library that called into another one passed the value itself.
  if (caller != next && *operand.bad_value < kTelling && next < frames.frames.size() &&
      frames.frames[next].module != frames.frames[site.frame].module) {
    caller = next;
  }
  if (caller >= frames.frames.size() || caller >= site.stack.frames.size()) return;
  const bool direct = caller == next;
  if (!direct && (*operand.bad_value < kTelling || is_library_frame(frames.frames[caller]))) return;
  auto match = find_argument(site, caller, *operand.bad_value, !direct);
  if (!match) return;
  ExpressionFact expression = to_fact(*match->explanation.pointer);
  expression.steps.insert(
      expression.steps.begin(),
      fmt::format("{} was called with it", frames.frames[caller - 1].functions.back().short_name));
  if (!direct) expression.trust = "heuristic";
  operand.expression = std::move(expression);
  operand.member.reset();  // of the library's own type
  operand.accessed.clear();
  operand.why_no_expression.clear();
}

}  // namespace inquest::diagnosis
