#include "capture/supervise/supervisor.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "capture/supervise/launch.h"
#include "capture/supervise/supervisor_impl.h"

namespace inquest::capture {
namespace {

constexpr std::array<int, 7> kForwarded = {SIGTERM, SIGINT,  SIGHUP,  SIGQUIT,
                                           SIGUSR1, SIGUSR2, SIGWINCH};
constexpr int kExitNotFound = 127, kExitNotRun = 126, kExitSignal = 128;
// For reports to be finished before the end, and full cores to be written.
constexpr std::chrono::seconds kLastReports{30}, kLastCores{1800};

// /proc of another pid namespace tells of other processes under our numbers.
std::string why_not_proc() {
  std::array<char, 32> self;
  const ssize_t size = ::readlink("/proc/self", self.data(), self.size());
  if (size <= 0) return "/proc is not mounted";
  if (std::string_view(self.data(), static_cast<size_t>(size)) == std::to_string(::getpid()))
    return {};
  return "/proc is of another pid namespace";
}

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  for (const int signal : kForwarded) sigaddset(&set, signal);
  return set;
}

}  // namespace

void say(const std::string& text) {
  const std::string line = "inquest: " + text + "\n";
  static_cast<void>(
      os::write_all(STDERR_FILENO, {reinterpret_cast<const uint8_t*>(line.data()), line.size()})
          .ok());
}

Supervisor::Supervisor(const RunOptions& options, const CrashServices& services)
    : options_(options),
      services_(services),
      stderr_(options.keep_stderr),
      tracer_(options.max_stops_per_second),
      policy_(options.restarts),
      jobs_(services_, options_.look, [this](const CrashOutcome& result) { outcome(result); }),
      cannot_read_proc_(why_not_proc()) {}

int supervise(const RunOptions& options, const CrashServices& services) {
  return Supervisor(options, services).run();
}

int Supervisor::run() {
  const sigset_t watched = watched_signals();
  ::sigprocmask(SIG_BLOCK, &watched, &original_mask_);
  signals_ = os::Fd(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  std::signal(SIGPIPE, SIG_IGN);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (!cannot_read_proc_.empty()) {
    say(fmt::format("crashes will be counted only: {}", cannot_read_proc_));
  } else if (!options_.trace && !options_.preload.empty()) {
    auto socket = CrashSocket::create();
    if (socket.ok()) socket_ = std::move(*socket);
    if (!socket.ok()) say("crashes will be counted only: " + socket.error().message());
  }
  for (const pid_t child : children_of(::getpid())) not_ours_.insert(child);
  if (!start()) return exit_code_;
  while (phase_ != Phase::kEnding) poll_once();
  // The program has ended; what is known of its crashes is still being written.
  const Clock::time_point until = Clock::now() + (options_.full_core ? kLastCores : kLastReports);
  while ((!jobs_.idle() || !hooks_.empty()) && Clock::now() < until && !in_haste_) poll_once();
  if (!jobs_.idle()) say("ending before all crashes are written and explained");
  if (seen_ != 0) {
    say(fmt::format("{} crash{} seen, {} recorded{}", seen_, seen_ == 1 ? "" : "es", recorded_,
                    lost_ == 0 ? "" : fmt::format(", {} without a record", lost_)));
  }
  return exit_code_;
}

bool Supervisor::start() {
  Launch program;
  program.command = options_.command;
  program.stderr_fd = stderr_.for_program();
  program.trace = options_.trace && cannot_read_proc_.empty();
  program.signal_mask = original_mask_;
  if (socket_) {
    const char* before = ::getenv("LD_PRELOAD");
    const bool keep = before != nullptr && *before != '\0';
    program.environment = {
        {"LD_PRELOAD", options_.preload + (keep ? ":" + std::string(before) : "")},
        {INQUEST_SUPERVISOR_ENV, socket_->address()}};
  }
  const auto pid = launch(program);
  if (!pid.ok()) {
    say(pid.error().message());
    const bool missing = pid.error().code() == ErrorCode::kNotFound;
    end_with(missing ? kExitNotFound : kExitNotRun);
    return false;
  }
  main_ = *pid;
  main_is_dying_ = false;
  main_key_.clear();
  awaiting_verdict_ = false;
  started_ = Clock::now();
  phase_ = Phase::kRunning;
  return true;
}

// What the last instance left behind is ended. It may itself still be dying: its children are then
// its own, otherwise ours.
bool Supervisor::leftovers_ended() {
  std::vector<pid_t> roots = {::getpid()};
  if (main_ > 0) roots.push_back(main_);
  const auto spared = [&](pid_t pid) {
    return pid == main_ || not_ours_.contains(pid) || jobs_.owns(pid) || hooks_.contains(pid) ||
           snapshots_.contains(pid);
  };
  return leftovers_.ended(roots, spared, Clock::now());
}

void Supervisor::start_again() {
  constexpr std::chrono::milliseconds kStep{2};
  if (main_ > 0 && main_is_awaited_) {
    restart_at_ = Clock::now() + kStep;
  } else if (leftovers_ended()) {
    start();
  }
}

int Supervisor::next_timeout() const {
  Clock::time_point next = Clock::time_point::max();
  if (phase_ == Phase::kWaiting) {
    next = awaiting_verdict_ ? verdict_by_ : leftovers_.look_at().value_or(restart_at_);
  }
  if (stopping_) next = std::min(next, kill_at_);
  if (phase_ == Phase::kEnding)
    next = std::min(next, Clock::now() + std::chrono::milliseconds(200));
  if (next == Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
}

void Supervisor::check_timers() {
  const Clock::time_point now = Clock::now();
  if (stopping_ && phase_ == Phase::kRunning && now >= kill_at_) {
    say(fmt::format("it did not stop within {} ms: killed", options_.stop_timeout.count()));
    signal_program(SIGKILL);
    kill_at_ = Clock::time_point::max();
  }
  if (phase_ != Phase::kWaiting) return;
  if (awaiting_verdict_ && now >= verdict_by_) {
    awaiting_verdict_ = false;
    decide(main_key_);
  } else if (!awaiting_verdict_ && now >= restart_at_) {
    start_again();
  }
}

void Supervisor::poll_once() {
  std::vector<pollfd> fds = {{.fd = signals_.get(), .events = POLLIN, .revents = 0}};
  if (socket_) {
    for (const int fd : socket_->descriptors()) fds.push_back({fd, POLLIN, 0});
  }
  const size_t first_job = fds.size();
  for (const int fd : jobs_.descriptors()) fds.push_back({fd, POLLIN, 0});
  if (::poll(fds.data(), fds.size(), next_timeout()) < 0 && errno != EINTR) return;
  for (size_t i = 1; i < fds.size(); ++i) {
    if (fds[i].revents == 0) continue;
    if (i >= first_job) {
      jobs_.ready(fds[i].fd);
    } else if (const auto request = socket_->ready(fds[i].fd)) {
      crash_request(*request);
    }
  }
  if (fds[0].revents != 0) on_signals();
  check_timers();
}

void Supervisor::on_signals() {
  signalfd_siginfo info = {};
  bool children = false;
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    const auto signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGCHLD) {
      children = true;
    } else if (info.ssi_code == SI_KERNEL && ::getpgid(main_) == ::getpgrp()) {
      // From the terminal: the program in the same group has got it as well.
      if (signal == SIGINT || signal == SIGQUIT) stop_soon(0);
    } else {
      forward(signal);
    }
  }
  if (children) reap();
}

void Supervisor::forward(int signal) {
  const bool asks_to_end = signal == SIGTERM || signal == SIGINT || signal == SIGQUIT;
  if (asks_to_end) {
    stop_soon(signal);
  } else if (phase_ == Phase::kRunning) {
    signal_program(signal);
  }
}

// Never to -1, which would be everybody.
void Supervisor::signal_program(int signal) const {
  if (main_ > 0) ::kill(main_, signal);
}

// Ends the program and does not start it again. `signal`: 0 when it has got it already.
void Supervisor::stop_soon(int signal) {
  if (phase_ == Phase::kEnding) {  // asked again: the last reports are not waited for
    in_haste_ = true;
    return;
  }
  if (main_ <= 0) {
    if (options_.restart) static_cast<void>(leftovers_ended());  // asked, and not waited for
    end_with(exit_code_);
    return;
  }
  phase_ = Phase::kRunning;  // also when its end is yet to come: that brings the exit code
  if (signal != 0 && !main_is_dying_) signal_program(signal);
  if (stopping_) return;
  stopping_ = true;
  // Only who asked for restarts lets us decide how long a stop may take.
  kill_at_ = signal == SIGTERM || options_.restart ? Clock::now() + options_.stop_timeout
                                                   : Clock::time_point::max();
}

void Supervisor::end_with(int exit_code) {
  exit_code_ = exit_code;
  phase_ = Phase::kEnding;
}

void Supervisor::reap() {
  while (true) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, __WALL | WNOHANG);
    if (pid <= 0) return;
    if (snapshots_.contains(pid)) {  // stands still until it is killed
      if (!WIFSTOPPED(status)) snapshots_.erase(pid);
      continue;
    }
    if (WIFSTOPPED(status)) {
      const Tracer::Event event = tracer_.stopped(pid, status);
      if (event.kind == Tracer::Event::Kind::kCrash) crash(event.pid, event.tid, event.signal);
      if (const std::string notice = tracer_.take_notice(); !notice.empty()) say(notice);
      continue;
    }
    tracer_.ended(pid);
    if (tracer_.was_thread(pid)) continue;
    if (jobs_.owns(pid)) {
      jobs_.ended(pid, status);
      continue;
    }
    if (hooks_.erase(pid) != 0) continue;
    const bool was_captured = captured_.erase(pid) != 0;
    if (!was_captured && WIFSIGNALED(status) && is_core_signal(WTERMSIG(status))) {
      uncaptured(pid, status);
    }
    if (pid == main_) main_ended(status);
  }
}

void Supervisor::main_ended(int status) {
  const bool by_signal = WIFSIGNALED(status);
  exit_code_ = by_signal ? kExitSignal + WTERMSIG(status) : WEXITSTATUS(status);
  const bool decided = main_is_dying_;  // at the crash, before its end
  main_ = -1;
  if (phase_ != Phase::kRunning) return;
  const bool wanted = options_.restart && !stopping_ && exit_code_ != 0;
  if (!wanted) {
    end_with(exit_code_);
    return;
  }
  phase_ = Phase::kWaiting;
  if (decided) return;
  decide(by_signal ? fmt::format("signal {}", WTERMSIG(status))
                   : fmt::format("exit {}", WEXITSTATUS(status)));
}

}  // namespace inquest::capture
