#include "diagnosis/facts/signals.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace inquest::diagnosis {
namespace {

constexpr std::array<const char*, 32> kNames = {
    "",          "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
    "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
    "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
    "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS"};

constexpr int kFirstRealtime = 34;  // SIGRTMIN as glibc gives it: 32 and 33 are its own
constexpr int kLastRealtime = 64;

struct CodeName {
  int signal;  // 0: any
  int code;
  const char* name;
  const char* meaning;
};

constexpr CodeName kCodes[] = {
    {kSigIll, 1, "ILL_ILLOPC", "illegal opcode"},
    {kSigIll, 2, "ILL_ILLOPN", "illegal operand"},
    {kSigIll, 3, "ILL_ILLADR", "illegal addressing mode"},
    {kSigIll, 4, "ILL_ILLTRP", "illegal trap"},
    {kSigIll, 5, "ILL_PRVOPC", "privileged opcode"},
    {kSigIll, 6, "ILL_PRVREG", "privileged register"},
    {kSigIll, 7, "ILL_COPROC", "coprocessor error"},
    {kSigIll, 8, "ILL_BADSTK", "internal stack error"},
    {kSigFpe, 1, "FPE_INTDIV", "integer division by zero"},
    {kSigFpe, 2, "FPE_INTOVF", "integer overflow"},
    {kSigFpe, 3, "FPE_FLTDIV", "floating-point division by zero"},
    {kSigFpe, 4, "FPE_FLTOVF", "floating-point overflow"},
    {kSigFpe, 5, "FPE_FLTUND", "floating-point underflow"},
    {kSigFpe, 6, "FPE_FLTRES", "inexact floating-point result"},
    {kSigFpe, 7, "FPE_FLTINV", "invalid floating-point operation"},
    {kSigFpe, 8, "FPE_FLTSUB", "subscript out of range"},
    {kSigSegv, 1, "SEGV_MAPERR", "address not mapped"},
    {kSigSegv, 2, "SEGV_ACCERR", "access not permitted by the mapping"},
    {kSigSegv, 3, "SEGV_BNDERR", "failed address bound checks"},
    {kSigSegv, 4, "SEGV_PKUERR", "access denied by a memory protection key"},
    {kSigSegv, 5, "SEGV_ACCADI", "ADI not enabled for the address"},
    {kSigSegv, 8, "SEGV_MTEAERR", "asynchronous memory tag mismatch"},
    {kSigSegv, 9, "SEGV_MTESERR", "memory tag mismatch"},
    {kSigSegv, 10, "SEGV_CPERR", "control protection fault"},
    {kSigBus, 1, "BUS_ADRALN", "misaligned address"},
    {kSigBus, 2, "BUS_ADRERR",
     "no memory behind the address: the mapped file ends before it, or storage failed"},
    {kSigBus, 3, "BUS_OBJERR", "hardware error of the mapped object"},
    {kSigBus, 4, "BUS_MCEERR_AR", "uncorrectable memory error, consumed"},
    {kSigBus, 5, "BUS_MCEERR_AO", "uncorrectable memory error, found in the background"},
    {kSigTrap, 1, "TRAP_BRKPT", "breakpoint"},
    {kSigTrap, 2, "TRAP_TRACE", "single step"},
    {kSigTrap, 3, "TRAP_BRANCH", "taken branch"},
    {kSigTrap, 4, "TRAP_HWBKPT", "hardware breakpoint or watchpoint"},
    {kSigSys, 1, "SYS_SECCOMP", "system call refused by a seccomp filter"},
    {kSigSys, 2, "SYS_USER_DISPATCH", "system call caught by user dispatch"},
    {0, 0, "SI_USER", "sent with kill()"},
    {0, 128, "SI_KERNEL", "raised by the kernel, which gave no address"},
    {0, -1, "SI_QUEUE", "sent with sigqueue()"},
    {0, -2, "SI_TIMER", "a timer expired"},
    {0, -3, "SI_MESGQ", "a message queue changed"},
    {0, -4, "SI_ASYNCIO", "asynchronous I/O completed"},
    {0, -5, "SI_SIGIO", "queued SIGIO"},
    {0, -6, "SI_TKILL", "sent with tgkill(): raise(), abort() or pthread_kill()"},
};

const CodeName* find_code(int number, int code) {
  const auto* found =
      std::find_if(std::begin(kCodes), std::end(kCodes), [&](const CodeName& entry) {
        return entry.code == code && (entry.signal == number || entry.signal == 0);
      });
  return found == std::end(kCodes) ? nullptr : found;
}

}  // namespace

std::string signal_name(int number) {
  if (number > 0 && number < static_cast<int>(kNames.size()))
    return kNames[static_cast<size_t>(number)];
  if (number == kFirstRealtime) return "SIGRTMIN";
  if (number > kFirstRealtime && number <= kLastRealtime) {
    return fmt::format("SIGRTMIN+{}", number - kFirstRealtime);
  }
  return fmt::format("signal {}", number);
}

std::string signal_code_name(int number, int code) {
  const CodeName* found = find_code(number, code);
  return found != nullptr ? found->name : std::to_string(code);
}

std::string_view signal_code_meaning(int number, int code) {
  const CodeName* found = find_code(number, code);
  return found != nullptr ? found->meaning : std::string_view();
}

bool is_fault_signal(int number) {
  return number == kSigSegv || number == kSigBus || number == kSigIll || number == kSigFpe ||
         number == kSigTrap || number == kSigSys;
}

SignalFacts describe_signal(const process::Signal& signal, const process::ProcessImage& image) {
  SignalFacts facts;
  facts.number = signal.number;
  if (signal.number == 0) return facts;
  facts.name = signal_name(signal.number);
  facts.code = signal.code;
  facts.address = signal.address;
  facts.system_call = signal.system_call;
  if (signal.system_call)
    facts.system_call_name = system_call_name(image.arch, *signal.system_call);
  if (!signal.code) return facts;
  facts.code_name = signal_code_name(signal.number, *signal.code);
  facts.meaning = signal_code_meaning(signal.number, *signal.code);
  const bool sent = *signal.code == kSiUser || *signal.code == kSiTkill || *signal.code == kSiQueue;
  if (!sent) return facts;
  facts.sender_pid = signal.sender_pid;
  facts.sender_uid = signal.sender_uid;
  if (!signal.sender_pid) return facts;
  // In another pid namespace the sender is 0; tgkill from outside one's own process is rare and
  // shows its pid.
  facts.sent_by_self = *signal.sender_pid == image.pid;
  facts.sent_by_other = !facts.sent_by_self;
  return facts;
}

}  // namespace inquest::diagnosis
