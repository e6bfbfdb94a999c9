#include <fmt/format.h>

#include "diagnosis/verdict/rules.h"

namespace inquest::diagnosis {
namespace {

Hypothesis start(const Facts& facts, CrashClass crash_class, std::string sentence) {
  const FaultFacts& fault = *facts.fault;
  Hypothesis h;
  h.crash_class = crash_class;
  h.sentence = std::move(sentence);
  h.expression = expression_of(fault);
  if (fault.pc_facts && !fault.pc_facts->statement.empty()) {
    h.facts_for.push_back(fault.pc_facts->statement);
  }
  if (!fault.instruction.empty()) {
    h.facts_for.push_back(fmt::format("the {} was made by `{}`", fault.kind, fault.instruction));
  }
  return h;
}

std::string target_words(const FaultFacts& fault) {
  if (!fault.call_target_expression.empty())
    return fmt::format("`{}`", fault.call_target_expression);
  if (fault.call_operand && !fault.call_operand->text.empty()) {
    return fmt::format("the pointer at {}", fault.call_operand->text);
  }
  return "a code pointer";
}

Hypothesis overwritten_return(const Facts& facts) {
  Hypothesis h =
      start(facts, CrashClass::kStackBufferOverflow,
            "a return address was overwritten: a buffer on the stack was overrun, and the "
            "function returned to what was written there");
  if (facts.crashing.corrupt)
    h.facts_for.emplace_back("the stack's return addresses do not hold together");
  h.would_confirm =
      "a rebuild with -fstack-protector-strong or -fsanitize=address stops at the overrun";
  h.next_command = "rebuild with -fsanitize=address and run the same input";
  return h;
}

// std::coroutine_handle::resume() of a coroutine that is done().
void blame_finished(const Fact& finished, Hypothesis& h) {
  h.sentence = finished.statement +
               ": a coroutine behind its last await has a null pointer where the function that "
               "resumes it was";
  for (const Evidence& evidence : finished.evidence) h.facts_for.push_back(evidence.what);
  h.would_confirm =
      "who kept a handle of it: each resume() needs done() to be false, and a queue must not hold "
      "one coroutine twice";
}

void bad_pc(const Facts& facts, Proposals& out) {
  const FaultFacts& fault = *facts.fault;
  if (!fault.pc_facts) return;
  const AddressFacts& pc = *fault.pc_facts;
  const bool called = fault.kind == "call" || fault.kind == "jump";
  // Where neither the call nor the stack is known, as in a log, a return may have gone there.
  const bool seen = !fault.instruction.empty() || facts.crashing.frames.size() > 1;
  if (pc.has(AddressTrait::kNull)) {
    Hypothesis h = start(facts, CrashClass::kNullFunctionCall,
                         fmt::format("{} is null, and it was called", target_words(fault)));
    h.would_confirm = "where the pointer should have been set";
    h.next_command = explain_command(facts, "--full");
    if (fault.finished_coroutine) blame_finished(*fault.finished_coroutine, h);
    out.push_back({std::move(h), facts.crashing.corrupt && !called ? 60 : seen ? 96 : 88});
    if (facts.crashing.corrupt && !called) {
      out.push_back({overwritten_return(facts), 72});
    } else if (!seen) {
      out.push_back({overwritten_return(facts), 40});
    }
    return;
  }
  // A null pointer is not called at an offset; a table or an object near null would be read first.
  if (pc.has(AddressTrait::kNearNull) && called) {
    Hypothesis h = start(facts, CrashClass::kNullFunctionCall,
                         fmt::format("{} is almost null, and it was called", target_words(fault)));
    h.would_confirm = "how the pointer was computed: from a base that was still null?";
    out.push_back({std::move(h), 62});
  }
  if (!called) {
    out.push_back({overwritten_return(facts), facts.crashing.corrupt ? 88 : 66});
  } else if (!seen) {
    out.push_back({overwritten_return(facts), 55});
  }
  if (pc.has(AddressTrait::kNoExecuteMapping)) {
    out.push_back({start(facts, CrashClass::kExecuteNonExecutable,
                         fmt::format("execution went to {}, which holds data ({})",
                                     to_hex(pc.address), pc.mapping)),
                   called ? 90 : 80});
  }
  Hypothesis h = start(facts, CrashClass::kCorruptedCodePointer,
                       fmt::format("{} was corrupted: it leads to {}, where there is no code",
                                   target_words(fault), to_hex(pc.address)));
  h.would_confirm = "who wrote the pointer, or freed the object that holds it";
  h.next_command = fmt::format("valgrind {}", executable_of(facts));
  out.push_back({std::move(h), !called ? 50 : seen ? 84 : 72});
  if (pc.has(AddressTrait::kPoison) || pc.has(AddressTrait::kFreedTcacheLink)) {
    out.push_back({start(facts, CrashClass::kUseAfterFree,
                         fmt::format("{} was read from freed memory", target_words(fault))),
                   86});
  }
}

// The transfer itself was refused: a non-canonical target raises the fault at the call or return.
void bad_transfer(const Facts& facts, Proposals& out) {
  const FaultFacts& fault = *facts.fault;
  if (fault.kind == "return") {
    out.push_back({overwritten_return(facts), 92});
    return;
  }
  if (fault.kind != "call" && fault.kind != "jump" && !fault.feeds_call) return;
  const OperandFacts* operand = fault.operand ? &*fault.operand : nullptr;
  if (operand == nullptr || (operand->bad_value && *operand->bad_value == 0)) return;
  Hypothesis h = start(
      facts, CrashClass::kCorruptedCodePointer,
      fmt::format("{} was corrupted: the {} through it was refused",
                  operand->expression ? pointer_words(*operand) : target_words(fault), fault.kind));
  if (operand->pointer && !operand->pointer->statement.empty()) {
    h.facts_for.push_back(operand->pointer->statement);
  }
  h.next_command = fmt::format("valgrind {}", executable_of(facts));
  out.push_back({std::move(h), 86});
  if (operand->pointer && operand->pointer->has(AddressTrait::kFreedTcacheLink)) {
    out.push_back(
        {start(facts, CrashClass::kUseAfterFree,
               fmt::format("{} was read from an object that had been freed: its first word is a "
                           "mangled link of glibc's free list",
                           target_words(fault))),
         90});
  }
}

}  // namespace

void propose_from_control(const Facts& facts, Proposals& out) {
  if (!facts.fault || facts.signal.sent_by_other || facts.fault->stack_pointer_in_guard) return;
  if (facts.signal.name != "SIGSEGV" && facts.signal.name != "SIGBUS" &&
      facts.signal.name != "SIGILL") {
    return;
  }
  if (facts.fault->pc_is_bad) {
    bad_pc(facts, out);
  } else {
    bad_transfer(facts, out);
  }
}

}  // namespace inquest::diagnosis
