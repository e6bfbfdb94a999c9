#include "capture/supervise/crash_jobs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <new>

#include "platform/json/value.h"

namespace inquest::capture {
namespace {

constexpr size_t kAtOnce = 2;
constexpr size_t kMaxAnswer = 16 << 20;
constexpr uint64_t kMaxWaitingBytes = uint64_t{512} << 20;
constexpr int kNice = 10;
constexpr rlim_t kHeapBytes = rlim_t{4} << 30, kProcessorSeconds = 120;

std::string answer_of(const CrashOutcome& outcome) {
  json::JsonWriter json(json::JsonWriter::Style::kCompact);
  json.begin_object()
      .field("id", outcome.id)
      .field("why_not_kept", outcome.why_not_kept)
      .field("signature", outcome.signature)
      .field("title", outcome.title)
      .field("text", outcome.text)
      .field("report", outcome.report)
      .field("full_core", outcome.full_core)
      .end_object();
  return std::move(json).take();
}

void write_answer(int fd, const CrashOutcome& outcome) {
  const std::string text = answer_of(outcome) + "\n";
  static_cast<void>(
      os::write_all(fd, {reinterpret_cast<const uint8_t*>(text.data()), text.size()}).ok());
}

// Goes on when the supervisor is killed: what was captured is to be kept.
void become_job() {
  ::setpriority(PRIO_PROCESS, 0, kNice);
  const rlimit no_core = {0, 0}, heap = {kHeapBytes, kHeapBytes},
               processor = {kProcessorSeconds, kProcessorSeconds};
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::setrlimit(RLIMIT_DATA, &heap);
  ::setrlimit(RLIMIT_CPU, &processor);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(null, STDIN_FILENO);
  ::dup2(null, STDOUT_FILENO);
}

// Writing a core of gigabytes takes neither processor nor disk from anybody who wants them.
void become_idle() {
  constexpr int kOfProcess = 1, kIdleClass = 3 << 13;  // include/uapi/linux/ioprio.h
  const sched_param none = {};
  ::sched_setscheduler(0, SCHED_IDLE, &none);
  ::syscall(SYS_ioprio_set, kOfProcess, 0, kIdleClass);
}

// The last line that is whole.
std::optional<CrashOutcome> parse_answer(std::string_view answer) {
  const size_t end = answer.rfind('\n');
  if (end == std::string_view::npos) return std::nullopt;
  answer = answer.substr(0, end);
  const size_t before = answer.rfind('\n');
  if (before != std::string_view::npos) answer.remove_prefix(before + 1);
  const auto parsed = json::parse_json(answer, {.max_size = kMaxAnswer, .max_depth = 8});
  if (!parsed.ok()) return std::nullopt;
  CrashOutcome outcome;
  outcome.id = parsed->text("id");
  outcome.why_not_kept = parsed->text("why_not_kept");
  outcome.signature = parsed->text("signature");
  outcome.title = parsed->text("title");
  outcome.text = parsed->text("text");
  outcome.report = parsed->text("report");
  outcome.full_core = parsed->text("full_core");
  return outcome;
}

}  // namespace

// One line when the record is kept, another when it is explained: a child that dies of the record
// has kept it all the same.
void CrashJobs::work(const Job& job, int fd) const {
  become_job();
  const CrashTaken& crash = job.crash;
  Captured& captured = *crash.captured;
  try {
    if (crash.snapshot) {
      const std::string why_not = job.only_keep ? "a first try failed" : crash.why_no_analysis;
      look_at_copy(crash.snapshot->process(), crash.snapshot->memory(), look_, why_not, captured);
    }
    CrashOutcome outcome;
    const Bytes record = record_of(captured);
    const auto id = services_.keep(record, captured);
    if (id.ok()) outcome.id = *id;
    if (!id.ok()) outcome.why_not_kept = id.error().message();
    write_answer(fd, outcome);
    if (crash.snapshot && !crash.keep_full) crash.snapshot->end_after_original();
    if (!job.only_keep && services_.explain) {
      services_.explain(record, outcome);
      write_answer(fd, outcome);
    }
    if (crash.keep_full && services_.keep_full && !outcome.id.empty()) {
      become_idle();
      const Status kept = services_.keep_full(outcome.id, captured, crash.snapshot->memory());
      outcome.full_core = kept.ok() ? "kept" : kept.error().message();
      write_answer(fd, outcome);
    }
  } catch (const std::bad_alloc&) {
    ::_exit(1);
  }
  ::_exit(0);
}

void CrashJobs::add(CrashTaken crash) {
  uint64_t held = crash.captured->pages.bytes();
  for (const Job& job : waiting_) held += job.crash.captured->pages.bytes();
  if (held > kMaxWaitingBytes) {
    crash.captured->pages = {};
    crash.captured->fidelity = Fidelity::kRegistersOnly;
    crash.captured->left_out.push_back(
        {"all memory", fmt::format("{} crashes waited to be written", waiting_.size())});
    if (!crash.keep_full) crash.snapshot = nullptr;
  }
  waiting_.push_back({.crash = std::move(crash)});
  start_some();
}

void CrashJobs::start_some() {
  while (!waiting_.empty() && running_.size() < kAtOnce) {
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    if (start(job)) {
      running_.push_back(std::move(job));
    } else {
      done_({.number = job.crash.number,
             .id = {},
             .why_not_kept = "no process could be started for it"});
    }
  }
}

bool CrashJobs::start(Job& job) {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  job.pipe = os::Fd(ends[0]);
  const os::Fd write(ends[1]);
  job.answer.clear();
  job.pid = ::fork();
  if (job.pid == 0) {
    // Who waits for an answer is the supervisor alone: when it is gone, writing fails and does not
    // wait for a reader.
    job.pipe.reset();
    for (Job& other : running_) other.pipe.reset();
    work(job, write.get());
  }
  ::fcntl(job.pipe.get(), F_SETFL, O_NONBLOCK);
  return job.pid > 0;
}

std::vector<int> CrashJobs::descriptors() const {
  std::vector<int> result;
  for (const Job& job : running_) {
    if (job.pipe.valid()) result.push_back(job.pipe.get());
  }
  return result;
}

void CrashJobs::ready(int fd) {
  for (Job& job : running_) {
    if (job.pipe.get() != fd) continue;
    std::array<char, 64 << 10> buffer;
    while (true) {
      const ssize_t got = ::read(fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0 || job.answer.size() > kMaxAnswer) {
        job.pipe.reset();
        return;
      }
      job.answer.append(buffer.data(), static_cast<size_t>(got));
    }
  }
}

bool CrashJobs::owns(pid_t pid) const {
  return std::any_of(running_.begin(), running_.end(),
                     [&](const Job& job) { return job.pid == pid; });
}

void CrashJobs::ended(pid_t pid, int /*status*/) {
  const auto found = std::find_if(running_.begin(), running_.end(),
                                  [&](const Job& job) { return job.pid == pid; });
  if (found == running_.end()) return;
  if (found->pipe.valid()) ready(found->pipe.get());
  Job job = std::move(*found);
  running_.erase(found);
  finish(std::move(job));
  start_some();
}

void CrashJobs::finish(Job job) {
  auto outcome = parse_answer(job.answer);
  if (!outcome && !job.only_keep) {
    // It died before anything was kept: once more, with less ambition.
    job.only_keep = true;
    if (start(job)) {
      running_.push_back(std::move(job));
      return;
    }
  }
  if (!outcome) outcome = CrashOutcome{.number = 0, .id = {}, .why_not_kept = "writing it failed"};
  outcome->number = job.crash.number;
  done_(std::move(*outcome));
}

}  // namespace inquest::capture
