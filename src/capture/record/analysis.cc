#include "capture/record/analysis.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <new>
#include <utility>

namespace inquest::capture {
namespace {

constexpr rlim_t kHeapBytes = rlim_t{1} << 30;

[[noreturn]] void be_analyst(const Analyse& analyse, ByteView notes, const LiveSource& source,
                             TouchedPages& touched) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core = {0, 0}, heap = {kHeapBytes, kHeapBytes};
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::setrlimit(RLIMIT_DATA, &heap);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, standard);
  auto memory = LiveMemory::create(source, touched);
  if (!memory.ok()) ::_exit(1);
  try {
    analyse(notes, std::move(*memory));
  } catch (const std::bad_alloc&) {
    ::_exit(6);
  }
  touched.set_finished();
  ::_exit(0);
}

}  // namespace

Result<RunningAnalysis> RunningAnalysis::start(const Analyse& analyse, ByteView notes,
                                               const LiveSource& source, TouchedPages& touched) {
  const pid_t pid = ::fork();
  if (pid < 0) return Error::io("no process for the analysis", errno);
  if (pid == 0) be_analyst(analyse, notes, source, touched);
  return RunningAnalysis(pid, touched);
}

RunningAnalysis::RunningAnalysis(RunningAnalysis&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), touched_(other.touched_) {}

RunningAnalysis::~RunningAnalysis() {
  if (pid_ > 0) finish(std::chrono::steady_clock::now());
}

AnalysisResult RunningAnalysis::finish(std::chrono::steady_clock::time_point deadline) {
  using std::chrono::steady_clock;
  constexpr useconds_t kPause = 200;
  int status = 0;
  bool ended = false, killed = false;
  const os::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  while (!ended) {
    const pid_t got = ::waitpid(pid_, &status, WNOHANG);
    ended = got == pid_ || (got < 0 && errno == ECHILD);
    if (ended) break;
    const auto left = deadline - steady_clock::now();
    if (left.count() <= 0 && !killed) {
      killed = true;
      ::kill(pid_, SIGKILL);
      continue;
    }
    if (killed || !pidfd.valid()) {
      ::usleep(kPause);
      continue;
    }
    pollfd waiting{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
    const auto pause = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    ::poll(&waiting, 1, static_cast<int>(std::min<int64_t>(pause, 1000)));
  }
  pid_ = -1;
  AnalysisResult result{.why_incomplete = {}, .over = touched_->over()};
  if (touched_->finished()) return result;
  if (killed) {
    result.why_incomplete = "its time was over";
  } else if (WIFSIGNALED(status)) {
    result.why_incomplete = fmt::format("it died of signal {}", WTERMSIG(status));
  } else {
    result.why_incomplete = fmt::format("it gave up ({})", WEXITSTATUS(status));
  }
  return result;
}

}  // namespace inquest::capture
