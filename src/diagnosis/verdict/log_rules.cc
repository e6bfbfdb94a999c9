#include <fmt/format.h>

#include "diagnosis/verdict/rules.h"

namespace inquest::diagnosis {
namespace {

constexpr uint64_t kPageBits = 12;
// Where programs and their heaps lie: at 0x55… and 0x56…, shared objects at 0x7f….
constexpr uint64_t kFirstPie = 0x5500'0000'0000, kLastPie = 0x5800'0000'0000;
constexpr uint64_t kFirstMmap = 0x7e00'0000'0000, kLastMmap = 0x8000'0000'0000;

bool is_usual_place(uint64_t address) {
  return (address >= kFirstPie && address < kLastPie) ||
         (address >= kFirstMmap && address < kLastMmap);
}

void stack_overflow(const Facts& facts, Proposals& out) {
  const ReportedFacts& reported = *facts.reported;
  if (!facts.fault->stack_pointer_in_guard || !reported.address || !reported.stack_pointer) return;
  Hypothesis h;
  h.crash_class = CrashClass::kStackOverflowRecursion;
  h.sentence = fmt::format(
      "the stack ran out: `{}` uses the stack at {}, right at the stack pointer ({}), and no page "
      "is there. An endless recursion is the usual cause, a very large local array the other",
      facts.fault->instruction, to_hex(*reported.address), to_hex(*reported.stack_pointer));
  h.facts_against.emplace_back("the log holds no stack that would show the recursion");
  h.would_confirm = "the stack in a core: one function over and over";
  out.push_back({std::move(h), 82});
}

// What free() writes over the start of a freed block is its own place, shifted right by 12 bits,
// when the block is the last of its list.
void freed_block(const Facts& facts, Proposals& out) {
  const FaultFacts& fault = *facts.fault;
  if (!fault.operand || !fault.operand->bad_value) return;
  const uint64_t value = *fault.operand->bad_value;
  if (value > UINT64_MAX >> kPageBits || !is_usual_place(value << kPageBits)) return;
  Hypothesis h;
  h.crash_class = CrashClass::kUseAfterFree;
  h.sentence = fmt::format(
      "{} held {}, which is what free() of glibc 2.32 and later writes over the start of a block "
      "in the page {}: the pointer was read from freed memory",
      fault.operand->bad_register, to_hex(value), to_hex(value << kPageBits));
  h.facts_against.emplace_back("the log holds no memory, so the block itself cannot be looked at");
  h.would_confirm = "the same input under AddressSanitizer or valgrind";
  out.push_back({std::move(h), 72});
}

void protection_fault(const Facts& facts, Proposals& out) {
  if (!facts.reported->error.starts_with("general protection")) return;
  Hypothesis h;
  h.crash_class = CrashClass::kWildPointer;
  h.sentence =
      "a general protection fault: mostly an access through a pointer that is no address at all "
      "(text, a freed or overwritten value), more rarely an instruction that needs an aligned "
      "address or privileges. The kernel does not print the address";
  if (!facts.fault || facts.fault->instruction.empty()) {
    h.facts_against.emplace_back("the instruction is not known");
  } else {
    h.facts_for.push_back(fmt::format("the instruction is `{}`", facts.fault->instruction));
  }
  h.would_confirm = "the registers in a core";
  out.push_back({std::move(h), 50});
}

// Where the pc is bad only the kernel's bits say so.
void bad_fetch(const Facts& facts, Proposals& out) {
  if (facts.reported->access != AccessKind::kExecute || facts.fault->pc_is_bad) return;
  Hypothesis h;
  h.crash_class = CrashClass::kExecuteNonExecutable;
  h.sentence = fmt::format("the processor was sent to {}, which may not be executed",
                           facts.reported->address ? to_hex(*facts.reported->address) : "a place");
  out.push_back({std::move(h), 60});
}

}  // namespace

constexpr std::string_view kNotASegfault = "not a segfault: ";

void killed_for_memory(const Facts& facts, Proposals& out) {
  const ReportedFacts& reported = *facts.reported;
  if (!reported.summary.starts_with(kNotASegfault)) return;
  Hypothesis h;
  h.crash_class = CrashClass::kKilledForMemory;
  h.sentence = reported.summary;
  h.facts_for.push_back(fmt::format("{} says: {}", reported.tool, reported.error));
  h.would_confirm =
      "whether the program needs so much (then raise the limit) or leaks: its memory over time";
  out.push_back({std::move(h), 97});
}

// A supervisor's line: the signal is all there is.
void signal_alone(const Facts& facts, Proposals& out) {
  const ReportedFacts& reported = *facts.reported;
  if (!facts.crashing.frames.empty() || facts.fault) return;
  if (!reported.error.starts_with("died of ") && !reported.error.starts_with("ended by ")) return;
  Hypothesis h;
  if (facts.signal.name == "SIGKILL") {
    h.crash_class = CrashClass::kKilledExternally;
    h.sentence =
        "nothing that a program does by itself ends in SIGKILL: the kernel's out-of-memory killer, "
        "a "
        "supervisor's timeout or a person sent it";
    h.would_confirm = "the kernel's log of that moment (journalctl -k, dmesg -T)";
    out.push_back({std::move(h), 60});
  } else if (facts.signal.name == "SIGABRT") {
    h.crash_class = CrashClass::kAbort;
    h.sentence =
        "SIGABRT: a failed assertion, an uncaught exception or a check of the C library; the words "
        "that it printed before stand elsewhere in the log, if anywhere";
    out.push_back({std::move(h), 50});
  }
}

void propose_from_log(const Facts& facts, Proposals& out) {
  if (!facts.reported) return;
  killed_for_memory(facts, out);
  signal_alone(facts, out);
  if (!facts.reported || facts.reported->tool != "kernel log" || !facts.fault) return;
  stack_overflow(facts, out);
  freed_block(facts, out);
  protection_fault(facts, out);
  bad_fetch(facts, out);
}

}  // namespace inquest::diagnosis
