// MemorySanitizer's origins, leaks, and libFuzzer's own words.
#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/text/complete.h"
#include "diagnosis/text/failure_signal.h"
#include "diagnosis/text/sanitizer_readers.h"

namespace inquest::diagnosis {
namespace {

constexpr auto kNowhere = std::string_view::npos;

OriginStep step_of(OriginStep::Kind kind, const SanitizerReport::Section& section,
                   std::string statement) {
  OriginStep step;
  step.kind = kind;
  step.trust = "exact";
  step.still_so = std::nullopt;
  if (const FunctionFact* function = user_function_of(section.stack)) {
    step.function = function->short_name;
    step.file = function->file;
    step.line = function->line;
    statement += fmt::format(" in {}()", function->short_name);
    if (!function->file.empty())
      statement += fmt::format(" at {}:{}", function->file, function->line);
  }
  step.statement = std::move(statement);
  return step;
}

// "Uninitialized value was created by an allocation of 'buf' in the stack frame"
std::string created_words(std::string_view title) {
  const size_t name = title.find("allocation of '");
  if (name != kNowhere) {
    const std::string_view rest = title.substr(name + 15);
    return fmt::format("the value is that of the variable `{}`, never set",
                       rest.substr(0, rest.find('\'')));
  }
  if (title.find("heap allocation") != kNowhere)
    return "the memory was allocated on the heap and never set";
  if (title.find("deallocation") != kNowhere) return "the memory was freed before";
  return "the value was created unset";
}

void blame(const OriginStep& step, std::string why, Facts& facts) {
  if (step.function.empty()) return;
  facts.origin.blamed.push_back({.function = step.function,
                                 .file = step.file,
                                 .line = step.line,
                                 .frame = std::nullopt,
                                 .module = {},
                                 .module_offset = 0,
                                 .why = std::move(why),
                                 .confidence = 80});
}

// abort() among the frames right behind the handler that printed the stack: the signal is SIGABRT.
bool calls_abort(const StackFacts& stack, size_t from) {
  constexpr size_t kNear = 6;
  for (size_t i = from; i < std::min(stack.frames.size(), from + kNear); ++i) {
    for (const FunctionFact& function : stack.frames[i].functions) {
      if (function.short_name == "abort" || function.short_name == "gsignal") return true;
    }
  }
  return false;
}

// "Direct leak of 10 byte(s) in 1 object(s) allocated from:"
struct Leak {
  uint64_t bytes = 0, objects = 0;
  bool direct = false;
};
std::optional<Leak> parse_leak(std::string_view title) {
  Words words(title);
  Leak leak;
  leak.direct = words.take("Direct leak of ");
  if (!leak.direct && !words.take("Indirect leak of ")) return std::nullopt;
  leak.bytes = words.take_number().value_or(0);
  if (words.take_until(" in ")) leak.objects = words.take_number().value_or(0);
  return leak;
}

void use_leak(SanitizerReport::Section& section, const Leak& leak, Facts& facts) {
  // The first frame is the sanitizer's malloc(), with or without a name.
  if (!section.stack.frames.empty() && section.stack.frames.front().functions.back().name.empty()) {
    section.stack.frames.front().functions.back().role = CodeRole::kLibrary;
  }
  facts.crashing = section.stack;
  facts.reported->size = leak.bytes;
  facts.reported->error = leak.direct ? "direct leak" : "indirect leak";
  AllocationFact& fact = allocation_of(facts, Address());
  fact.of = "leaked memory";
  fact.state = AllocationFact::State::kLive;
  fact.size = leak.objects == 0 ? leak.bytes : leak.bytes / leak.objects;
  fact.place = "heap";
  fact.statement =
      fmt::format("{} bytes in {} blocks are no longer reachable", leak.bytes, leak.objects);
  section.stack.title = "allocated here";
  fact.allocated = std::move(section.stack);
}

}  // namespace

void read_uninitialised_value(SanitizerReport& raw, Facts& facts) {
  facts.reported->error = "use-of-uninitialized-value";
  bool has_crash = false;
  for (SanitizerReport::Section& section : raw.sections) {
    const std::string_view title = section.title;
    if (title.starts_with("Uninitialized value was stored") ||
        title.starts_with("Memory was marked")) {
      facts.origin.steps.push_back(step_of(OriginStep::Kind::kStore, section,
                                           title.starts_with("Memory")
                                               ? "the memory was marked as unset"
                                               : "the value was stored, still unset,"));
      add_related(section, facts);
    } else if (title.starts_with("Uninitialized value was created")) {
      facts.origin.steps.push_back(
          step_of(OriginStep::Kind::kConstant, section, created_words(title)));
      blame(facts.origin.steps.back(), "the value is born here and nobody sets it", facts);
      add_related(section, facts);
    } else if (!has_crash) {
      has_crash = true;
      facts.crashing = std::move(section.stack);
    } else {
      add_related(section, facts);
    }
  }
  if (facts.origin.steps.empty()) {
    facts.missing.push_back({"the report does not say where the value comes from", {}});
    facts.advice.emplace_back("Build with -fsanitize-memory-track-origins=2 and run again.");
  }
}

void read_leaks(SanitizerReport& raw, Facts& facts) {
  SanitizerReport::Section* worst = nullptr;
  Leak most;
  for (SanitizerReport::Section& section : raw.sections) {
    const auto leak = parse_leak(section.title);
    if (!leak) continue;
    const bool better = worst == nullptr || (leak->direct && !most.direct) ||
                        (leak->direct == most.direct && leak->bytes > most.bytes);
    if (!better) continue;
    worst = &section;
    most = *leak;
  }
  facts.reported->error = "leak";
  if (worst != nullptr) use_leak(*worst, most, facts);
  for (SanitizerReport::Section& section : raw.sections) {
    if (&section != worst) add_related(section, facts);
  }
}

void read_fuzzer_error(SanitizerReport& raw, Facts& facts) {
  const std::string_view message = raw.header.message;
  facts.reported->error = message;
  bool has_stack = false;
  for (SanitizerReport::Section& section : raw.sections) {
    // "2359368 byte(s) (99%) in 1 allocation(s)": who holds memory, not where the limit was met.
    if (has_stack || section.title.find(" allocation(s)") != kNowhere) {
      add_related(section, facts);
    } else {
      facts.crashing = std::move(section.stack);
      has_stack = true;
    }
  }
  if (!has_stack) facts.crashing.end = "not printed";
  facts.crash_frame = first_frame_behind_handler(facts.crashing);
  if (message.starts_with("deadly signal") && calls_abort(facts.crashing, facts.crash_frame)) {
    facts.abort.kind = AbortFacts::Kind::kAbortCall;
    set_signal(facts, signal_number_of("ABRT"));
  }
  if (message.starts_with("out-of-memory")) facts.abort.kind = AbortFacts::Kind::kOutOfMemory;
  if (message.starts_with("out-of-memory")) facts.abort.message = message;
  Words words(message);
  if (words.take_until("(malloc(")) facts.reported->size = words.take_number().value_or(0);
}

}  // namespace inquest::diagnosis
