#include "capture/supervise/tracer.h"

#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include "capture/record/proc_text.h"
#include "platform/os/file.h"

namespace inquest::capture {
namespace {

constexpr std::array<int, 10> kCoreSignals = {SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,
                                              SIGFPE,  SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS};
constexpr int kEventStop = PTRACE_EVENT_STOP;

bool is_stopping_signal(int signal) {
  return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

std::optional<ProcessStatus> status_of(pid_t tid) {
  const auto text = os::read_text_file(fmt::format("/proc/{}/status", tid), 64 << 10);
  if (!text.ok()) return std::nullopt;
  return parse_status(*text);
}

// A program that would run as somebody else does not, under a tracer without privilege.
bool lost_privileges(pid_t tid) {
  struct stat info = {};
  if (::geteuid() == 0) return false;
  if (::stat(fmt::format("/proc/{}/exe", tid).c_str(), &info) != 0) return false;
  return (info.st_mode & S_ISUID) != 0 && info.st_uid != ::geteuid();
}

}  // namespace

bool is_core_signal(int signal) {
  return std::find(kCoreSignals.begin(), kCoreSignals.end(), signal) != kCoreSignals.end();
}

bool ends_process(int signal, uint64_t caught, uint64_t ignored) {
  const uint64_t bit = uint64_t{1} << (signal - 1);
  return is_core_signal(signal) && (caught & bit) == 0 && (ignored & bit) == 0;
}

bool StopRate::count(std::chrono::steady_clock::time_point now) {
  if (now - start_ >= std::chrono::seconds(1)) {
    start_ = now;
    count_ = 0;
  }
  return ++count_ > limit_;
}

void Tracer::resume(pid_t tid, int signal) {
  ::ptrace(PTRACE_CONT, tid, nullptr, reinterpret_cast<void*>(static_cast<intptr_t>(signal)));
}

std::string Tracer::take_notice() { return std::exchange(notice_, {}); }

void Tracer::detach_all() {
  active_ = false;
  for (const pid_t tid : tids_) ::ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr);
}

Tracer::Event Tracer::stopped(pid_t tid, int status) {
  tids_.insert(tid);
  const int signal = WSTOPSIG(status), event = status >> 16;
  if (!active_) {
    const int deliver = event == 0 ? signal : 0;
    ::ptrace(PTRACE_DETACH, tid, nullptr, reinterpret_cast<void*>(static_cast<intptr_t>(deliver)));
    tids_.erase(tid);
    return {};
  }
  if (event == kEventStop) {
    if (is_stopping_signal(signal)) {
      ::ptrace(PTRACE_LISTEN, tid, nullptr, nullptr);
    } else {
      resume(tid, 0);
    }
    return {};
  }
  if (event == PTRACE_EVENT_CLONE) {
    unsigned long thread = 0;  // what fork() makes comes as PTRACE_EVENT_FORK
    if (::ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &thread) == 0) {
      note_thread(static_cast<pid_t>(thread));
    }
  }
  if (event != 0) {
    if (event == PTRACE_EVENT_EXEC && lost_privileges(tid)) {
      notice_ =
          "a setuid program was started and runs without its privileges, because it is "
          "traced: such programs need a run without --trace";
    }
    resume(tid, 0);
    return {};
  }
  if (rate_.count(std::chrono::steady_clock::now())) {
    notice_ =
        "the program uses so many signals that tracing slows it down: it goes on untraced, "
        "and its crashes will be counted only";
    resume(tid, signal);
    detach_all();
    return {};
  }
  if (is_core_signal(signal)) {
    const auto facts = status_of(tid);
    if (facts && ends_process(signal, facts->caught, facts->ignored)) {
      return {Event::Kind::kCrash, tid, facts->thread_group, signal};
    }
  }
  resume(tid, signal);
  return {};
}

}  // namespace inquest::capture
