#include <fmt/format.h>
#include <fmt/ranges.h>

#include "diagnosis/verdict/rules.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kDeepStack =
    2000;  // frames; a stack this deep without a cycle is recursion all the same
constexpr size_t kFewRounds = 20;            // rounds of a cycle that already mean recursion
constexpr size_t kUnseenFrames = 2;          // so few, and the stack goes on
constexpr uint64_t kLargeFrame = 64 * 1024;  // bytes

std::string cycle_words(const CycleFact& cycle) {
  return fmt::format("`{}` × {}", fmt::join(cycle.functions, " → "), cycle.count);
}

}  // namespace

void propose_from_stack(const Facts& facts, Proposals& out) {
  if (!facts.fault || facts.signal.sent_by_other) return;
  const FaultFacts& fault = *facts.fault;
  if (facts.reported && facts.reported->tool == "kernel log") return;  // see log_rules.cc
  const bool guard = fault.stack_pointer_in_guard ||
                     (fault.address_facts && fault.address_facts->has(AddressTrait::kGuardPage));
  if (!guard) return;

  Hypothesis h;
  h.next_command = explain_command(facts, "--full");
  h.facts_for.emplace_back("the refused address lies just below the stack, in its guard");
  if (fault.stack_used && fault.stack_size) {
    h.facts_for.push_back(
        fmt::format("{} of {} bytes of stack are in use", *fault.stack_used, *fault.stack_size));
  }
  const auto& cycle = facts.crashing.cycle;
  const bool recursion =
      (cycle && cycle->count >= kFewRounds) || facts.crashing.total_frames >= kDeepStack;
  // A minidump may lack the stack of a thread whose stack pointer has left it.
  const bool unseen = !recursion && facts.crashing.total_frames <= kUnseenFrames &&
                      facts.crashing.end != "complete";
  // Where a cycle was folded, the distance to the next kept frame is that of many rounds.
  const bool large = !cycle && fault.frame_size && *fault.frame_size >= kLargeFrame;
  if (recursion) {
    h.crash_class = CrashClass::kStackOverflowRecursion;
    h.sentence = cycle
                     ? fmt::format("the stack ran out in a recursion: {}", cycle_words(*cycle))
                     : fmt::format("the stack ran out {} frames deep", facts.crashing.total_frames);
    h.would_confirm =
        "the input that makes it recurse so deep: the arguments of two successive rounds";
    out.push_back({h, large ? 90 : 97});
  }
  if (unseen && !large) {
    h.crash_class = CrashClass::kStackOverflowRecursion;
    h.sentence =
        "the stack ran out; its frames are not in the evidence, and recursion is what most "
        "often does it";
    h.would_confirm = "the frames: a core holds the whole stack";
    out.push_back({h, 78});
  }
  if (!recursion || large) {
    h.crash_class = CrashClass::kStackOverflowLargeFrame;
    h.sentence =
        fault.frame_size
            ? fmt::format("the stack ran out in one step: this function's frame takes {} bytes",
                          *fault.frame_size)
            : fmt::format(
                  "the stack ran out after {} frames: a large local array, alloca, or a "
                  "small stack",
                  facts.crashing.total_frames);
    h.would_confirm = "the size of the locals (and the stack size of this thread)";
    out.push_back({h, large ? 93 : 74});
  }
}

}  // namespace inquest::diagnosis
