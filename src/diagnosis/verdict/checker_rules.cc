// What sanitizers and valgrind found. They saw it happen: their word is more than any inference.
#include <fmt/format.h>

#include <span>
#include <string_view>

#include "diagnosis/verdict/checker_meanings.h"
#include "diagnosis/verdict/checker_words.h"
#include "diagnosis/verdict/rules.h"

namespace inquest::diagnosis {
namespace {

using Class = CrashClass;
constexpr int kPossible = 60;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

Hypothesis start(const Facts& facts, Class crash_class, std::string sentence) {
  const ReportedFacts& reported = *facts.reported;
  Hypothesis h;
  h.crash_class = crash_class;
  h.sentence = std::move(sentence);
  h.facts_for.push_back(fmt::format("{} says: {}", reported.tool, reported.error));
  if (!facts.crashing.title.empty()) h.facts_for.push_back(facts.crashing.title);
  for (const StackFacts& related : reported.related) {
    const std::string where = place_words(related);
    if (!related.title.empty() && !where.empty() && h.facts_for.size() < 8) {
      h.facts_for.push_back(fmt::format("{}: {}", related.title, where));
    }
  }
  h.next_command = symbolise_command(facts);
  return h;
}

std::string filled(std::string_view sentence, const std::string& access) {
  const size_t hole = sentence.find("{}");
  if (hole == std::string_view::npos) return std::string(sentence);
  return std::string(sentence.substr(0, hole)) + access + std::string(sentence.substr(hole + 2));
}

bool propose_meaning(std::span<const ErrorMeaning> meanings, const Facts& facts, Proposals& out) {
  const ReportedFacts& reported = *facts.reported;
  for (const ErrorMeaning& meaning : meanings) {
    if (!contains(reported.error, meaning.error)) continue;
    std::string sentence = filled(meaning.sentence, access_words(reported));
    if (const AllocationFact* allocation = reported_allocation(facts)) {
      const std::string words = allocation_words(*allocation);
      if (!words.empty()) sentence += ": " + words;
    } else if (facts.reported->tool.starts_with("Undefined")) {
      sentence += ": " + reported.error;
    }
    Hypothesis h = start(facts, meaning.crash_class, std::move(sentence));
    if (!facts.origin.steps.empty()) h.facts_for.push_back(facts.origin.steps.back().statement);
    h.would_confirm = meaning.settle;
    out.push_back({std::move(h), meaning.weight});
    return true;
  }
  return false;
}

// HWASan's tags, valgrind's "Invalid read": the memory around tells what it was.
void propose_by_allocation(const Facts& facts, Proposals& out) {
  const ReportedFacts& reported = *facts.reported;
  const std::string access = access_words(reported);
  if (const AllocationFact* allocation = reported_allocation(facts)) {
    const std::string words = allocation_words(*allocation);
    const bool inside =
        allocation->offset >= 0 && static_cast<uint64_t>(allocation->offset) < allocation->size;
    const bool freed = allocation->state == AllocationFact::State::kFreed;
    if (freed || !inside) {
      out.push_back({start(facts, freed ? Class::kUseAfterFree : Class::kOutOfBoundsAccess,
                           fmt::format("{} {}: {}", access,
                                       freed ? "uses memory that was freed before"
                                             : "leaves the memory it was meant for",
                                       words)),
                     kToolSaw});
      return;
    }
    out.push_back(
        {start(facts, Class::kUseAfterFree, fmt::format("{} was refused: {}", access, words)),
         kPossible});
    out.push_back(
        {start(facts, Class::kOutOfBoundsAccess, fmt::format("{} was refused: {}", access, words)),
         kPossible});
    return;
  }
  constexpr uint64_t kNullPages = 65536;
  if (reported.address && reported.address->value < kNullPages) {
    out.push_back(
        {start(facts,
               reported.address->is_null() ? Class::kNullDereference : Class::kNullMemberAccess,
               fmt::format(
                   "{} lies in the first pages, where nothing is ever mapped: a null pointer{}",
                   access, reported.address->is_null() ? "" : " and an offset")),
         kToolLikely});
    return;
  }
  out.push_back({start(facts, Class::kWildPointer,
                       fmt::format("{} lies in no memory that the tool knows of", access)),
                 66});
}

bool is_fuzzer(const ReportedFacts& reported) {
  return reported.tool == "libFuzzer" || reported.tool == "Centipede";
}

void propose_from_fuzzer(const Facts& facts, Proposals& out) {
  const std::string& error = facts.reported->error;
  if (error.starts_with("timeout")) {
    Hypothesis h =
        start(facts, Class::kTimeout,
              "one input took longer than the time it may take; the stack shows where it was then");
    h.would_confirm = "several stacks of the same input: the loop is what they share";
    out.push_back({std::move(h), kToolSaw});
  } else if (error.starts_with("out-of-memory")) {
    out.push_back({start(facts, Class::kOutOfMemoryAbort,
                         fmt::format("the fuzzer's memory limit was passed: {}", error)),
                   kToolSaw});
  } else if (error.starts_with("stack-overflow")) {
    out.push_back({start(facts, Class::kStackOverflowRecursion,
                         "one input needed more stack than the fuzzer allows: a recursion that "
                         "grows with the input"),
                   kToolLikely + 6});
  } else if (error.starts_with("fuzz target exited")) {
    out.push_back({start(facts, Class::kAbort, "the code under test ended the process with exit()"),
                   kToolSaw});
  } else if (error.starts_with("fuzz target overwrites")) {
    out.push_back(
        {start(facts, Class::kApiMisuse, "the code under test writes to its constant input"),
         kToolSaw});
  } else if (error.starts_with("deadly signal") && facts.abort.kind == AbortFacts::Kind::kNone) {
    Hypothesis h = start(facts, Class::kUnknown,
                         "the process died of a signal; libFuzzer does not say of which");
    h.would_confirm = "the sanitizer's own report: run the input with ASAN_OPTIONS=handle_abort=1";
    out.push_back({std::move(h), 50});
  }
}

void propose_from_valgrind(const Facts& facts, Proposals& out) {
  const std::string& error = facts.reported->error;
  if (error.starts_with("Invalid free")) {
    const AllocationFact* allocation = reported_allocation(facts);
    const bool twice = allocation != nullptr && allocation->state == AllocationFact::State::kFreed;
    out.push_back(
        {start(facts, twice ? Class::kDoubleFree : Class::kInvalidFree,
               fmt::format("{}{}{}",
                           twice ? "memory is freed for the second time"
                                 : "free() is given an address that malloc() never returned",
                           allocation != nullptr ? ": " : "",
                           allocation != nullptr ? allocation_words(*allocation) : "")),
         kToolSaw});
  } else if (error.starts_with("Jump to the invalid address")) {
    const bool null = facts.reported->address && facts.reported->address->value < 65536;
    out.push_back({start(facts, null ? Class::kNullFunctionCall : Class::kCorruptedCodePointer,
                         "control went to an address that holds no code"),
                   kToolSaw});
  } else if (error.starts_with("Invalid read") || error.starts_with("Invalid write") ||
             contains(error, "unaddressable byte")) {
    propose_by_allocation(facts, out);
  } else if (error.starts_with("Stack overflow in thread") ||
             error.starts_with("Can't extend stack")) {
    Hypothesis h = start(facts, Class::kStackOverflowRecursion,
                         "the stack ran out, most often by a recursion without end; valgrind shows "
                         "only the innermost function");
    h.would_confirm = "the whole stack: run without valgrind and read the core";
    out.push_back({std::move(h), 80});
  } else {
    propose_meaning(valgrind_meanings(), facts, out);
  }
}

// A trap that a failed check of the program's own ran into on purpose.
void propose_from_trap(const Facts& facts, Proposals& out) {
  if (facts.signal.name != "SIGILL" && facts.signal.name != "SIGTRAP") return;
  if (facts.crashing.frames.empty()) return;
  for (const FunctionFact& function : facts.crashing.frames.front().functions) {
    if (function.role != CodeRole::kAbort) continue;
    out.push_back({start(facts, Class::kDeliberateTrap,
                         fmt::format("{}() stops the program on purpose: a check of its own failed",
                                     function.short_name)),
                   90});
    return;
  }
}

// A refused access that a sanitizer or the program's own handler tells of. Null pointers and jumps
// are judged by their address, as in a core; of other addresses nothing is known but that.
void propose_from_refusal(const Facts& facts, Proposals& out) {
  if (!facts.fault || facts.fault->pc_is_bad || facts.fault->stack_pointer_in_guard) return;
  if (facts.signal.name != "SIGSEGV" && facts.signal.name != "SIGBUS") return;
  constexpr uint64_t kNullPages = 65536;
  if (!facts.fault->address || facts.fault->address->value < kNullPages) return;
  Hypothesis h =
      start(facts, Class::kWildPointer,
            fmt::format("{} was refused: the address belongs to no memory that may be used so",
                        access_words(*facts.reported)));
  h.would_confirm = "what holds the pointer, and who wrote it last";
  out.push_back({std::move(h), 66});
  if (facts.fault->access == AccessKind::kWrite) {
    out.push_back({start(facts, Class::kWriteToReadOnly,
                         "the memory may be read but not written (a constant)"),
                   45});
  }
}

}  // namespace

void propose_from_checkers(const Facts& facts, Proposals& out) {
  if (!facts.reported) return;
  const ReportedFacts& reported = *facts.reported;
  propose_from_trap(facts, out);
  propose_from_refusal(facts, out);
  if (is_fuzzer(reported)) return propose_from_fuzzer(facts, out);
  if (reported.tool.starts_with("valgrind")) return propose_from_valgrind(facts, out);
  if (reported.tool == "ThreadSanitizer" && propose_meaning(thread_meanings(), facts, out)) return;
  const bool undefined = contains(reported.tool, "UndefinedBehavior") && facts.signal.number == 0;
  if (undefined) {
    if (propose_meaning(undefined_meanings(), facts, out)) return;
    Hypothesis h = start(facts, Class::kUndefinedBehaviour, reported.error);
    h.would_confirm = "what the language says of this operation";
    out.push_back({std::move(h), kToolSaw});
    return;
  }
  if (contains(reported.error, "control flow integrity violation")) {
    out.push_back({start(facts, Class::kTypeConfusion,
                         "a call or cast through a type that does not fit was stopped (control "
                         "flow integrity)"),
                   kToolLikely});
  }
  if (!contains(reported.tool, "Sanitizer")) return;
  if (contains(reported.error, "leak")) {
    const AllocationFact* allocation = reported_allocation(facts);
    Hypothesis h = start(
        facts, Class::kMemoryLeak,
        fmt::format("memory is lost: {}",
                    allocation != nullptr ? allocation_words(*allocation) : reported.summary));
    h.would_confirm = "who was to free it";
    out.push_back({std::move(h), kToolSaw});
    return;
  }
  if (propose_meaning(address_meanings(), facts, out)) return;
  if (contains(reported.error, "tag-mismatch") || contains(reported.error, "unknown-crash"))
    propose_by_allocation(facts, out);
}

}  // namespace inquest::diagnosis
