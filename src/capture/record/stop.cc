#include "capture/record/stop.h"

#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <set>
#include <utility>

namespace inquest::capture {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxRounds = 64;  // of looking for new threads

std::string name_of(const Proc& process, pid_t tid) {
  auto text = process.read(fmt::format("task/{}/comm", tid), 64);
  if (!text.ok()) return {};
  while (text->ends_with('\n')) text->pop_back();
  return std::move(*text);
}

// What the kernel says a thread waits in: "vfork", another call's number, or nothing.
std::string waits_in(const Proc& process, pid_t tid) {
  auto text = process.read(fmt::format("task/{}/syscall", tid), 256);
  if (!text.ok()) return {};
  const std::string number = text->substr(0, text->find(' '));
#if defined(__x86_64__)
  if (number == "58") return "in vfork, until its child runs a program or ends";
  if (number == "56") return "in clone, perhaps as vfork";
#else
  if (number == "220") return "in clone, perhaps as vfork";
#endif
  return number == "running" || number.empty() ? std::string()
                                               : fmt::format("in system call {}", number);
}

}  // namespace

int take_stop(pid_t tid) {
  siginfo_t info = {};
  if (::waitid(P_PID, static_cast<id_t>(tid), &info, WSTOPPED | WNOHANG | __WALL) != 0) {
    return errno == EINTR ? 0 : -1;
  }
  return info.si_pid == 0 ? 0 : (info.si_status << 8) | 0x7f;
}

StoppedProcess::StoppedProcess(StoppedProcess&& other) noexcept
    : threads_(std::exchange(other.threads_, {})),
      attached_(std::exchange(other.attached_, {})),
      some_left_out_(other.some_left_out_) {}

bool StoppedProcess::add_new_threads(const Proc& process,
                                     const std::function<bool(pid_t)>& traced) {
  std::set<pid_t> known;
  for (const ThreadState& thread : threads_) known.insert(thread.tid);
  bool more = false, added = false;
  for (const pid_t tid : process.numbers_in("task", kMaxThreads, &more)) {
    if (known.contains(tid)) continue;
    ThreadState thread;
    thread.tid = tid;
    Attached how;
    how.here = !traced(tid);
    if (how.here && ::ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) != 0) {
      if (errno == ESRCH) continue;  // it has ended
      // A thread that a clone event attached for us answers EPERM: it is ours all the same.
      how.here = ::ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr) == 0;
      if (!how.here)
        thread.why_not = errno == EPERM ? "it may not be traced" : "it cannot be traced";
    }
    if (thread.why_not.empty()) {
      ::ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr);
      how.waiting = true;
      how.asked = Clock::now();
    }
    thread.name = name_of(process, tid);
    threads_.push_back(std::move(thread));
    attached_.push_back(how);
    added = true;
  }
  some_left_out_ = some_left_out_ || more;
  return added;
}

void StoppedProcess::wait_for_all(pid_t crashed, const StopLimits& limits,
                                  Clock::time_point deadline) {
  constexpr int kBusyRounds = 200;
  constexpr std::chrono::milliseconds kForEach{1}, kForAll{1000};
  // Each thread has to get a processor to stop on.
  const auto more = std::min(kForEach * static_cast<int64_t>(threads_.size()), kForAll);
  deadline += more;
  constexpr useconds_t kPause = 50;
  for (int round = 0;; ++round) {
    bool waiting = false;
    const Clock::time_point now = Clock::now();
    for (size_t i = 0; i < threads_.size(); ++i) {
      if (!attached_[i].waiting) continue;
      ThreadState& thread = threads_[i];
      const int status = take_stop(thread.tid);
      if (status > 0) {
        attached_[i].waiting = false;
        thread.stopped = true;
        const bool is_event = status >> 16 != 0;
        if (!is_event && WSTOPSIG(status) != SIGTRAP) thread.pending_signal = WSTOPSIG(status);
      } else if (status < 0) {
        attached_[i] = {};
        thread.why_not = "it ended meanwhile";
      } else if (thread.tid == crashed
                     ? now - attached_[i].asked > limits.crashed
                     : now - attached_[i].asked > limits.each + more || now > deadline) {
        attached_[i].waiting = false;
        thread.why_not = "it did not stop in time";
      } else {
        waiting = true;
      }
    }
    if (!waiting) return;
    if (round < kBusyRounds) {
      ::sched_yield();
    } else {
      ::usleep(kPause);
    }
  }
}

Result<StoppedProcess> StoppedProcess::stop(const Proc& process, pid_t crashed,
                                            const std::function<bool(pid_t)>& traced,
                                            const StopLimits& limits) {
  StoppedProcess stopped;
  const Clock::time_point deadline = Clock::now() + limits.total;
  if (traced(crashed)) {
    ThreadState thread;
    thread.tid = crashed;
    thread.stopped = true;
    thread.name = name_of(process, crashed);
    stopped.threads_.push_back(std::move(thread));
    stopped.attached_.push_back({});
  }
  // A thread that runs may start another one: until none is new.
  for (size_t round = 0; stopped.add_new_threads(process, traced); ++round) {
    stopped.wait_for_all(crashed, limits, deadline);
    if (round == kMaxRounds || Clock::now() > deadline) {
      stopped.some_left_out_ = stopped.add_new_threads(process, traced);
      stopped.wait_for_all(crashed, limits, Clock::now());
      break;
    }
  }
  auto& threads = stopped.threads_;
  const auto is_it = [&](const ThreadState& thread) { return thread.tid == crashed; };
  const auto found = std::find_if(threads.begin(), threads.end(), is_it);
  if (found == threads.end() || !found->stopped) {
    return Error(ErrorCode::kNotFound,
                 found == threads.end()
                     ? fmt::format("thread {} of process {} is not there", crashed, process.pid())
                     : fmt::format("thread {} could not be stopped: {}", crashed, found->why_not));
  }
  const auto at = found - threads.begin();
  std::rotate(threads.begin(), found, found + 1);
  std::rotate(stopped.attached_.begin(), stopped.attached_.begin() + at,
              stopped.attached_.begin() + at + 1);
  for (ThreadState& thread : threads) {
    if (thread.stopped) read_registers(thread);
    if (thread.stopped || thread.why_not != "it did not stop in time") continue;
    const std::string where = waits_in(process, thread.tid);
    if (!where.empty()) thread.why_not += ": it waits " + where;
  }
  return stopped;
}

void StoppedProcess::release(size_t index) {
  if (!std::exchange(attached_[index].here, false)) return;
  // What has not stopped cannot be let go: the kernel does that when it dies, or when we do.
  const auto signal = static_cast<intptr_t>(threads_[index].pending_signal);
  ::ptrace(PTRACE_DETACH, threads_[index].tid, nullptr, reinterpret_cast<void*>(signal));
}

StoppedProcess::~StoppedProcess() {
  for (size_t i = 0; i < threads_.size(); ++i) release(i);
}

void StoppedProcess::release_crashed() {
  if (!attached_.empty()) release(0);
  for (Attached& attached : attached_) attached.here = false;
}

}  // namespace inquest::capture
