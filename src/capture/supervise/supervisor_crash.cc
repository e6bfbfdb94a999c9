// What is done at a crash: capture, release, restart, report.
#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "capture/supervise/inject.h"
#include "capture/supervise/quick_signature.h"
#include "capture/supervise/supervisor_impl.h"
#include "platform/json/writer.h"
#include "platform/os/spawn.h"

namespace inquest::capture {
namespace {

// A crash like one before waits for the analysis before it may count as a new one.
constexpr std::chrono::milliseconds kLongestVerdict{500};
constexpr size_t kMaxAnalysed = 4096;

// The kernel's own core of this process would be one more record of the same crash, and keep it
// half dead while it is written. One byte: no core file is so small, and a pipe handler is not run
// for it.
void prevent_kernel_core(pid_t pid) {
  const rlimit one_byte = {1, 1};
  ::prlimit(pid, RLIMIT_CORE, &one_byte, nullptr);
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", signal);
}

bool is_system_v(const LiveMapping& mapping) { return mapping.path.starts_with("/SYSV"); }

// System V's is in use as long as anybody is attached, and a copy is: the next instance of a
// program that looks for others by that (postgres) would refuse to start.
void let_go_of_shared_memory(const Captured& captured, pid_t copy) {
  for (const LiveMapping& mapping : captured.mappings) {
    if (!is_system_v(mapping)) continue;
    const auto injector = Injector::create(captured, copy);
    if (!injector.ok()) return;
    static_cast<void>(injector->call(SYS_shmdt, {mapping.range.start.value, 0, 0, 0, 0, 0}).ok());
  }
}

}  // namespace

Result<CrashTaken> Supervisor::take(const Proc& process, StoppedProcess& stopped, int signal,
                                    const CrashRequest* request) {
  const pid_t tid = stopped.threads().front().tid;
  const bool traced = request == nullptr;
  Held held{.threads = stopped.threads(),
            .some_left_out = stopped.some_left_out(),
            .how = traced ? "ptrace" : "handler"};
  INQ_TRY(Captured captured,
          capture(process, std::move(held), signal,
                  traced ? std::nullopt : std::optional(request->context), options_.capture));
  release_ports(captured, tid, request);
  const std::string quick = quick_signature(captured);
  CrashTaken taken{.number = seen_,
                   .captured = std::make_shared<Captured>(std::move(captured)),
                   .snapshot = nullptr,
                   .why_no_analysis = why_no_analysis(quick),
                   .keep_full = options_.full_core};
  if (is_copy_wanted(taken)) take_snapshot(taken, tid);
  if (!taken.snapshot) {
    look_at_held(process, options_.look, taken.why_no_analysis, *taken.captured);
  }
  // System calls that were injected have taken the place of the signal: it is to be delivered as it
  // was.
  Bytes siginfo = taken.captured->threads.front().siginfo;
  if (traced && !siginfo.empty()) ::ptrace(PTRACE_SETSIGINFO, tid, nullptr, siginfo.data());
  return taken;
}

// A program that crashes again and again is to be back soon, so that the same crash is not looked
// at each time. But sometimes: the same function of an interpreter can be the end of another bug.
std::string Supervisor::why_no_analysis(const std::string& quick) const {
  constexpr std::chrono::seconds kAgainAfter{10};
  const auto before = analysed_.find(quick);
  if (before == analysed_.end() || Clock::now() - before->second.begun >= kAgainAfter) return {};
  return fmt::format("this crash was analysed less than {} s before", kAgainAfter.count());
}

// What has to be read of a copy would hold the process itself: the analysis, and the flags of its
// mappings, for which the kernel looks at each page. A copy holds descriptors, too, that were not
// closed.
bool Supervisor::is_copy_wanted(const CrashTaken& taken) const {
  constexpr size_t kMostCopies = 4;
  constexpr uint64_t kSmallKib = 64 << 10;
  if (taken.keep_full) return true;
  const bool takes_long = taken.why_no_analysis.empty() ||
                          taken.captured->circumstances.status.resident_kib > kSmallKib;
  return takes_long && options_.release_ports && snapshots_.size() < kMostCopies;
}

// A socket lives until all memory of its process is freed, which takes 40 ms a GiB; the next
// instance wants its port now. A handler that does not say what it needs closes them itself, when
// it is let go.
void Supervisor::release_ports(const Captured& captured, pid_t tid,
                               const CrashRequest* request) const {
  constexpr uint32_t kFirst = 3;  // what it still writes to stdout and stderr goes its way
  if (!options_.release_ports) return;
  if (request != nullptr && request->needed_descriptors.empty()) return;
  const auto injector = Injector::create(captured, tid);
  if (!injector.ok()) return;
  const std::vector<int> needed =
      request == nullptr ? std::vector<int>{} : request->needed_descriptors;
  for (const auto& [from, to] : descriptors_but(kFirst, needed)) {
    static_cast<void>(injector->call(SYS_close_range, {from, to, 0, 0, 0, 0}).ok());
  }
}

void Supervisor::take_snapshot(CrashTaken& taken, pid_t tid) {
  const auto injector = Injector::create(*taken.captured, tid);
  auto snapshot = injector.ok() ? Snapshot::make(*injector, tid, *taken.captured)
                                : Result<std::unique_ptr<Snapshot>>(injector.error());
  if (snapshot.ok()) {
    taken.snapshot = std::move(*snapshot);
    snapshots_.insert(taken.snapshot->pid());
    let_go_of_shared_memory(*taken.captured, taken.snapshot->pid());
  } else if (taken.keep_full) {
    taken.keep_full = false;
    taken.captured->left_out.push_back({"the full core", snapshot.error().message()});
  }
}

Supervisor::Birth Supervisor::birth_of(const Proc& process) {
  const auto text = process.read("stat", 4096);
  const auto stat = text.ok() ? parse_stat(*text) : std::nullopt;
  struct stat pidfd = {};
  if (::fstat(process.pidfd(), &pidfd) != 0) pidfd.st_ino = 0;
  return {stat ? stat->start_ticks : 0, pidfd.st_ino};
}

// Two threads may crash at once: it is one crash. Notes that this one is looked at now. Numbers of
// processes come again, so its birth goes with it.
bool Supervisor::captured_before(const Proc& process) {
  constexpr size_t kMostEnded = 1024;
  if (captured_.size() > kMostEnded) {  // those that their own parents waited for
    std::erase_if(captured_, [&](const auto& entry) {
      const auto other = Proc::open(entry.first);
      return !other.ok() || birth_of(*other) != entry.second;
    });
  }
  const Birth birth = birth_of(process);
  const auto [entry, is_new] = captured_.try_emplace(process.pid(), birth);
  const bool same = !is_new && entry->second == birth;
  entry->second = birth;
  return same;
}

void Supervisor::not_captured(pid_t pid, int signal, const std::string& why) {
  ++lost_;
  say(fmt::format("a crash of process {} ({}) could not be recorded: {}", pid, signal_name(signal),
                  why));
}

void Supervisor::crash(pid_t pid, pid_t tid, int signal) {
  const auto all = [](pid_t) { return true; };
  const auto process = Proc::open(pid);
  if (process.ok() && captured_before(*process)) return Tracer::resume(tid, signal);
  ++seen_;
  if (!process.ok()) {
    Tracer::resume(tid, signal);
    return not_captured(pid, signal, process.error().message());
  }
  auto stopped = StoppedProcess::stop(*process, tid, all, options_.capture.stop);
  if (!stopped.ok()) {
    Tracer::resume(tid, signal);
    return not_captured(pid, signal, stopped.error().message());
  }
  for (const ThreadState& thread : stopped->threads()) {
    if (thread.tid != pid) tracer_.note_thread(thread.tid);
  }
  auto taken = take(*process, *stopped, signal, nullptr);
  if (!taken.ok()) {
    Tracer::resume(tid, signal);
    return not_captured(pid, signal, taken.error().message());
  }
  if (!options_.kernel_core) prevent_kernel_core(pid);
  Tracer::resume(tid, signal);
  captured_crash(std::move(*taken));
}

void Supervisor::crash_request(const CrashRequest& request) {
  const auto none = [](pid_t) { return false; };
  const auto refuse = [&](const std::string& why) {
    CrashSocket::answer(request, INQUEST_REPLY_COUNTED, 0);
    not_captured(request.pid, request.signal, why);
  };
  const auto process = Proc::open(request.pid);
  if (process.ok() && captured_before(*process)) {
    return CrashSocket::answer(request, INQUEST_REPLY_COUNTED, 0);
  }
  ++seen_;
  if (!process.ok()) return refuse(process.error().message());
  auto stopped = StoppedProcess::stop(*process, request.tid, none, options_.capture.stop);
  if (!stopped.ok()) return own_account(request, *process, stopped.error().message());
  auto taken = take(*process, *stopped, request.signal, &request);
  if (!taken.ok()) return refuse(taken.error().message());
  // The others would find their descriptors closed: they may write to files that are not theirs,
  // or end the process in a way of their own. They stand until it ends, and that will be told to
  // us.
  for (const ThreadState& thread : stopped->threads()) {
    if (thread.tid != request.pid && thread.tid != request.tid) tracer_.note_thread(thread.tid);
  }
  stopped->release_crashed();
  uint32_t flags = options_.release_ports ? INQUEST_REPLY_CLOSE_DESCRIPTORS : 0;
  if (!options_.kernel_core) flags |= INQUEST_REPLY_NO_KERNEL_CORE;
  CrashSocket::answer(request, INQUEST_REPLY_CAPTURED, flags);
  captured_crash(std::move(*taken));
}

// It may not be held and read: what it tells of itself is taken.
void Supervisor::own_account(const CrashRequest& request, const Proc& process,
                             const std::string& why) {
  constexpr std::chrono::seconds kLongest{2};
  CrashSocket::answer(request, INQUEST_REPLY_WRITE_YOURSELF, INQUEST_REPLY_CLOSE_DESCRIPTORS);
  OwnAccount account = receive_account(request.connection.get(), Clock::now() + kLongest);
  auto captured = captured_of(process, request.tid, request.signal, std::move(account), why);
  if (!captured.ok()) {
    return not_captured(request.pid, request.signal, captured.error().message());
  }
  captured_crash({.number = seen_, .captured = std::make_shared<Captured>(std::move(*captured))});
}

void Supervisor::captured_crash(CrashTaken taken) {
  const pid_t pid = taken.captured->pid;
  taken.captured->last_words = stderr_.last_lines();
  if (!stderr_.why_not().empty()) {
    taken.captured->left_out.push_back({"the last lines of stderr", stderr_.why_not()});
  }
  const std::string quick = quick_signature(*taken.captured);
  const bool is_analysed = taken.why_no_analysis.empty();
  awaited_[taken.number] = {quick, is_analysed};
  if (is_analysed && (analysed_.contains(quick) || analysed_.size() < kMaxAnalysed))
    analysed_[quick].begun = Clock::now();
  const auto& mappings = taken.captured->mappings;
  const bool attached = std::any_of(mappings.begin(), mappings.end(), is_system_v);
  jobs_.add(std::move(taken));
  if (pid != main_ || stopping_ || !options_.restart) return;
  // The next instance need not wait for the end of this one.
  main_is_dying_ = true;
  main_is_awaited_ = attached;
  phase_ = Phase::kWaiting;
  const auto before = analysed_.find(quick);
  if (before != analysed_.end() && !before->second.signature.empty()) {
    decide(before->second.signature);
  } else if (policy_.deaths() == 0 || Clock::now() - started_ >= options_.restarts.healthy) {
    decide(quick);
  } else {
    main_key_ = quick;
    awaiting_verdict_ = true;
    verdict_by_ = Clock::now() + kLongestVerdict;
  }
}

// Seen only by its end: nobody told of it in time.
void Supervisor::uncaptured(pid_t pid, int status) {
  ++seen_;
  ++lost_;
  std::string reason = cannot_read_proc_;
  if (reason.empty() && WTERMSIG(status) == SIGSYS) {
    reason = "what a seccomp filter kills, the kernel ends without a word to handlers and tracers";
  }
  if (reason.empty() && options_.trace) reason = "it was not traced";
  if (reason.empty() && !socket_) reason = "there is no handler to preload: try --trace";
  if (reason.empty()) {
    reason = "no handler in it told of it (static, setuid, or handlers of its own): try --trace";
  }
  say(fmt::format("process {} died of {}; nothing but that is known: {}", pid,
                  signal_name(WTERMSIG(status)), reason));
}

void Supervisor::decide(const std::string& key) {
  main_key_ = key;
  awaiting_verdict_ = false;
  const auto uptime =
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_);
  const double random = std::uniform_real_distribution<double>(0, 1)(random_);
  act(policy_.died({key, uptime}, random));
}

void Supervisor::act(const RestartDecision& decision) {
  if (decision.announce_storm) announce_storm();
  if (!decision.restart) {
    say("giving up: " + decision.reason);
    if (options_.give_up == GiveUp::kExit) {
      if (main_ < 0) end_with(exit_code_);
      // Otherwise its end is yet to come, and brings the exit code.
      stopping_ = true;
      kill_at_ = Clock::time_point::max();
      phase_ = main_ < 0 ? Phase::kEnding : Phase::kRunning;
    } else {
      say("holding: nothing is started again; a signal ends this");
      phase_ = Phase::kHeld;
    }
    return;
  }
  phase_ = Phase::kWaiting;
  restart_at_ = Clock::now() + decision.delay;
  if (decision.delay.count() > 0) {
    say(fmt::format("starting again in {} ms: {}", decision.delay.count(), decision.reason));
  } else {
    say("starting again: " + decision.reason);
    start_again();
  }
}

void Supervisor::announce_storm() {
  std::string text;
  json::JsonWriter json;
  json.begin_object().field("deaths", policy_.deaths());
  json.key("by_signature").begin_array();
  for (const Count& count : policy_.counts()) {
    text += fmt::format("{}{} × {}", text.empty() ? "" : ", ", count.times, count.key);
    json.begin_object().field("signature", count.key).field("times", count.times).end_object();
  }
  json.end_array().end_object();
  say(fmt::format("storm: {} deaths without a healthy life: {}", policy_.deaths(), text));
  hook(options_.on_storm, std::move(json).take());
}

void Supervisor::outcome(const CrashOutcome& result) {
  if (result.id.empty()) {
    ++lost_;
    say("a crash could not be kept: " + result.why_not_kept);
  } else {
    ++recorded_;
    say(fmt::format("crash recorded as {}", result.id));
  }
  if (!result.full_core.empty() && result.full_core != "kept") {
    say("the full core could not be kept: " + result.full_core);
  }
  if (!result.text.empty()) {
    static_cast<void>(
        os::write_all(STDERR_FILENO,
                      {reinterpret_cast<const uint8_t*>(result.text.data()), result.text.size()})
            .ok());
  }
  if (!result.report.empty()) hook(options_.on_crash, result.report);
  const auto found = awaited_.find(result.number);
  if (found == awaited_.end()) return;
  const auto [quick, is_analysed] = found->second;
  awaited_.erase(found);
  // What was not analysed is in the record in parts only, and may be told less well.
  const auto known = analysed_.find(quick);
  if (!result.signature.empty() && known != analysed_.end() &&
      (is_analysed || known->second.signature.empty())) {
    known->second.signature = result.signature;
    policy_.rename(quick, result.signature);
  }
  if (phase_ == Phase::kWaiting && awaiting_verdict_ && main_key_ == quick)
    decide(result.signature.empty() ? quick : result.signature);
}

// Runs in a child, so that a slow hook delays nothing.
void Supervisor::hook(const std::string& command, const std::string& input) {
  if (command.empty()) return;
  constexpr std::chrono::seconds kLongestHook{60};
  const pid_t pid = ::fork();
  if (pid > 0) hooks_.insert(pid);
  if (pid != 0) return;
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  os::SpawnOptions spawn;
  spawn.timeout = kLongestHook;
  spawn.input = input;
  const auto done = os::run_process({"/bin/sh", "-c", command}, spawn);
  if (!done.ok()) say("the hook could not be run: " + done.error().message());
  if (done.ok() && !done->err.empty()) say("the hook says: " + done->err);
  if (done.ok() && !done->success()) say(fmt::format("the hook failed (exit {})", done->exit_code));
  ::_exit(0);
}

}  // namespace inquest::capture
