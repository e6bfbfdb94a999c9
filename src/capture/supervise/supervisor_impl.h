// The supervisor's state and steps. Internal to this room: supervisor.cc has the loop and the life
// of the program, supervisor_crash.cc what is done at a crash.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <utility>

#include "capture/supervise/crash_socket.h"
#include "capture/supervise/leftovers.h"
#include "capture/supervise/own_account.h"
#include "capture/supervise/stderr_tail.h"
#include "capture/supervise/supervisor.h"
#include "capture/supervise/tracer.h"

namespace inquest::capture {

class Supervisor {
 public:
  Supervisor(const RunOptions& options, const CrashServices& services);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  int run();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Phase : uint8_t { kRunning, kWaiting, kHeld, kEnding };

  // supervisor.cc
  bool start();
  void start_again();
  bool leftovers_ended();
  void poll_once();
  int next_timeout() const;
  void check_timers();
  void on_signals();
  void forward(int signal);
  void signal_program(int signal) const;
  void reap();
  void main_ended(int status);
  void end_with(int exit_code);
  void stop_soon(int signal);

  // supervisor_crash.cc
  void crash(pid_t pid, pid_t tid, int signal);  // traced: it stands at the delivery
  void crash_request(const CrashRequest& request);
  // `request`: of the handler in it; nullptr: it is traced.
  Result<CrashTaken> take(const Proc& process, StoppedProcess& stopped, int signal,
                          const CrashRequest* request);
  void release_ports(const Captured& captured, pid_t tid, const CrashRequest* request) const;
  std::string why_no_analysis(const std::string& quick) const;
  bool is_copy_wanted(const CrashTaken& taken) const;
  void take_snapshot(CrashTaken& taken, pid_t tid);
  void own_account(const CrashRequest& request, const Proc& process, const std::string& why);
  // When a process was started, in ticks of 10 ms, and the inode of its pidfd, which is of one
  // process only from Linux 6.9 on and the same for all before.
  using Birth = std::pair<uint64_t, uint64_t>;
  static Birth birth_of(const Proc& process);
  bool captured_before(const Proc& process);
  void not_captured(pid_t pid, int signal, const std::string& why);
  void captured_crash(CrashTaken taken);
  void uncaptured(pid_t pid, int status);
  void decide(const std::string& key);
  void act(const RestartDecision& decision);
  void announce_storm();
  void outcome(const CrashOutcome& outcome);
  void hook(const std::string& command, const std::string& input);

  const RunOptions& options_;
  const CrashServices& services_;
  StderrTail stderr_;
  std::unique_ptr<CrashSocket> socket_;
  Tracer tracer_;
  RestartPolicy policy_;
  Leftovers leftovers_;
  CrashJobs jobs_;
  os::Fd signals_;
  sigset_t original_mask_ = {};
  std::mt19937 random_{std::random_device{}()};

  Phase phase_ = Phase::kRunning;
  pid_t main_ = -1;
  bool main_is_dying_ = false;    // its crash was recorded; its end is yet to come
  bool main_is_awaited_ = false;  // it is to be gone before the next one starts
  std::string main_key_;          // what it dies of
  Clock::time_point started_, restart_at_, kill_at_, verdict_by_;
  bool stopping_ = false, awaiting_verdict_ = false;
  int exit_code_ = 0;
  std::string cannot_read_proc_;  // why nothing can be captured; empty when it can
  struct Analysed {
    std::string signature;  // empty until the first of them is written
    Clock::time_point begun;
  };
  std::map<std::string, Analysed> analysed_;  // by quick signature
  struct Awaited {
    std::string quick;
    bool is_analysed = false;
  };
  std::map<uint64_t, Awaited> awaited_;  // crashes whose outcome is yet to come, by number
  std::map<pid_t, Birth> captured_;      // whose end is yet to come
  std::set<pid_t> hooks_;                // that run
  bool in_haste_ = false;                // asked to stop while the last reports are written
  std::set<pid_t> not_ours_;             // children that were there before the program
  std::set<pid_t> snapshots_;            // they are ours, and no part of the tree
  uint64_t seen_ = 0, recorded_ = 0, lost_ = 0;
};

// One line, or several, to stderr: what is said to people.
void say(const std::string& text);

}  // namespace inquest::capture
