#include <fmt/format.h>

#include "diagnosis/verdict/rules.h"

namespace inquest::diagnosis {
namespace {

Hypothesis start(const Facts& facts, CrashClass crash_class, std::string sentence) {
  Hypothesis h;
  h.crash_class = crash_class;
  h.sentence = std::move(sentence);
  if (facts.fault && !facts.fault->instruction.empty()) {
    h.facts_for.push_back(fmt::format("the instruction is `{}`", facts.fault->instruction));
  }
  if (!facts.signal.code_name.empty()) {
    h.facts_for.push_back(fmt::format("{} ({})", facts.signal.code_name, facts.signal.meaning));
  }
  return h;
}

void sent_by_other(const Facts& facts, Proposals& out) {
  if (!facts.signal.sent_by_other) return;
  std::string sentence = fmt::format("{} was sent from outside", facts.signal.name);
  if (facts.signal.sender_pid) {
    sentence += *facts.signal.sender_pid == 0
                    ? std::string(" (by the kernel's timer or from another pid namespace)")
                    : fmt::format(" by process {}", *facts.signal.sender_pid);
  }
  Hypothesis h = start(facts, CrashClass::kKilledExternally, std::move(sentence));
  h.facts_for.emplace_back("what the stack shows is only what it was doing at that moment");
  h.would_confirm = "who the sender was: a watchdog, a supervisor, or a person";
  if (facts.signal.sender_pid && *facts.signal.sender_pid > 0) {
    h.next_command = fmt::format("ps -o pid,ppid,lstart,args -p {}", *facts.signal.sender_pid);
  }
  out.push_back({std::move(h), 95});
}

void sent_by_self(const Facts& facts, Proposals& out) {
  if (!has_sent_itself_a_fault(facts)) return;
  const std::string& name = facts.signal.name;
  Hypothesis h = start(facts, CrashClass::kDeliberateTrap,
                       fmt::format("the process sent {} to itself, with kill() or raise(): no "
                                   "access was refused",
                                   name));
  h.would_confirm =
      "why it did so: to test what a crash does, or in a handler that sends on what it was told";
  out.push_back({std::move(h), 88});
}

void arithmetic(const Facts& facts, Proposals& out) {
  if (facts.signal.name != "SIGFPE") return;
  if (!facts.signal.code && !facts.fault) {
    out.push_back({start(facts, CrashClass::kIntegerDivisionByZero,
                         "SIGFPE is nearly always an integer division by zero; nothing but the "
                         "signal is recorded"),
                   50});
    return;
  }
  const bool integer = facts.signal.code_name == "FPE_INTDIV" ||
                       facts.signal.code_name == "FPE_INTOVF" ||
                       (facts.fault && facts.fault->kind == "divide");
  if (!integer) {
    out.push_back(
        {start(facts, CrashClass::kDeliberateTrap,
               "a floating-point exception that the program had enabled (feenableexcept)"),
         70});
    return;
  }
  const std::optional<uint64_t> divisor = facts.fault ? facts.fault->divisor : std::nullopt;
  const std::string name = facts.fault && !facts.fault->divisor_expression.empty()
                               ? fmt::format("the divisor `{}`", facts.fault->divisor_expression)
                               : std::string("the divisor");
  const std::string expression = facts.fault ? facts.fault->divisor_expression : "";
  if (divisor && *divisor != 0) {
    Hypothesis h = start(facts, CrashClass::kIntegerOverflowTrap,
                         fmt::format("{} is {}, not zero: the quotient does not fit (the smallest "
                                     "number divided by -1)",
                                     name, static_cast<int64_t>(*divisor)));
    h.expression = expression;
    out.push_back({std::move(h), 92});
    return;
  }
  Hypothesis h =
      start(facts, CrashClass::kIntegerDivisionByZero,
            divisor ? fmt::format("{} is zero", name)
                    : std::string("an integer division was refused, most likely by zero"));
  h.expression = expression;
  if (!divisor) h.facts_against.emplace_back("the divisor could not be read");
  h.next_command = explain_command(facts, "--full");
  out.push_back({std::move(h), divisor ? 98 : 80});
}

void illegal(const Facts& facts, Proposals& out) {
  if (facts.signal.name != "SIGILL") return;
  const FaultFacts* fault = facts.fault ? &*facts.fault : nullptr;
  if (fault != nullptr && fault->kind == "trap") {
    out.push_back({start(facts, CrashClass::kDeliberateTrap,
                         "the compiler or the author put a trap here: __builtin_trap, unreachable "
                         "code that was reached, or a failed check"),
                   95});
    return;
  }
  if (fault != nullptr && !fault->needs_feature.empty()) {
    Hypothesis h = start(facts, CrashClass::kIllegalInstruction,
                         fmt::format("the instruction needs {}, which this CPU does not offer",
                                     fault->needs_feature));
    h.would_confirm = "the CPU's flags, and the -march the binary was built with";
    h.next_command = "grep -m1 -o -w -i -E 'flags.*|Features.*' /proc/cpuinfo";
    out.push_back({std::move(h), 90});
    return;
  }
  if (facts.reported && (fault == nullptr || fault->instruction.empty())) {
    out.push_back({start(facts, CrashClass::kDeliberateTrap,
                         "the CPU refused the instruction. Mostly that is ud2, which compilers put "
                         "where code must never come and after failed checks; which instruction it "
                         "was is not recorded"),
                   55});
    out.push_back({start(facts, CrashClass::kIllegalInstruction,
                         "or the program was built for another CPU, or jumped to a place that is "
                         "no code"),
                   45});
    return;
  }
  Hypothesis h = start(facts, CrashClass::kIllegalInstruction,
                       fault != nullptr && !fault->why_not_decoded.empty()
                           ? fmt::format("the bytes at the program counter are no instruction: {}",
                                         fault->why_not_decoded)
                           : std::string("the CPU refused the instruction"));
  h.would_confirm = "whether the code was overwritten, or built for another CPU";
  out.push_back({std::move(h), 72});
}

void trap(const Facts& facts, Proposals& out) {
  if (facts.signal.name != "SIGTRAP" || facts.signal.sent_by_other || facts.abort.by_script) return;
  out.push_back(
      {start(facts, CrashClass::kDeliberateTrap,
             "a breakpoint instruction was reached without a debugger: a failed check, or "
             "__builtin_debugtrap"),
       facts.fault && facts.fault->kind == "trap" ? 95 : 80});
}

void privileged(const Facts& facts, Proposals& out) {
  if (facts.signal.name != "SIGSEGV" || !facts.fault || facts.fault->kind != "trap") return;
  out.push_back({start(facts, CrashClass::kDeliberateTrap,
                       "an instruction that only the kernel may use stands here: a trap that "
                       "compilers and allocators emit on purpose (hlt)"),
                 88});
}

void system_call(const Facts& facts, Proposals& out) {
  if (facts.signal.name != "SIGSYS") return;
  std::string call = facts.signal.system_call_name;
  if (call.empty() && facts.signal.system_call)
    call = fmt::format("number {}", *facts.signal.system_call);
  Hypothesis h = start(facts, CrashClass::kBadSystemCall,
                       fmt::format("a seccomp filter ended the process for the system call {}",
                                   call.empty() ? "it made" : call));
  h.would_confirm = "the profile that forbids it (container runtime, systemd SystemCallFilter=)";
  out.push_back({std::move(h), 97});
}

void bus(const Facts& facts, Proposals& out) {
  if (facts.signal.name != "SIGBUS") return;
  if (facts.signal.code_name == "BUS_ADRALN") {
    out.push_back({start(facts, CrashClass::kMisalignedAccess,
                         "the address is not aligned as the instruction demands"),
                   90});
  }
  if (facts.signal.code_name == "BUS_MCEERR_AR" || facts.signal.code_name == "BUS_MCEERR_AO") {
    Hypothesis h = start(facts, CrashClass::kUnknown,
                         "the memory hardware reported an uncorrectable error at this address");
    h.next_command = "journalctl -k | grep -i -E 'mce|edac|hardware error'";
    out.push_back({std::move(h), 90});
  }
}

}  // namespace

bool has_sent_itself_a_fault(const Facts& facts) {
  const std::string& name = facts.signal.name;
  const bool tells_of_fault =
      name == "SIGSEGV" || name == "SIGBUS" || name == "SIGFPE" || name == "SIGILL";
  return facts.signal.sent_by_self && !facts.fault && tells_of_fault;
}

void propose_from_signal(const Facts& facts, Proposals& out) {
  if (facts.signal.number == 0) {
    // A tool's report tells of an error, with or without a signal.
    if (facts.reported || facts.abort.kind != AbortFacts::Kind::kNone) return;
    out.push_back({start(facts, CrashClass::kNoCrash,
                         "no signal is recorded: this is a picture of a process that was alive"),
                   97});
    return;
  }
  sent_by_other(facts, out);
  sent_by_self(facts, out);
  arithmetic(facts, out);
  illegal(facts, out);
  trap(facts, out);
  privileged(facts, out);
  system_call(facts, out);
  bus(facts, out);
}

}  // namespace inquest::diagnosis
