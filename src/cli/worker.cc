#include "cli/worker.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>

#include "cli/commands.h"
#include "cli/evidence.h"
#include "platform/os/fd.h"
#include "platform/term/text.h"

namespace inquest::cli {
namespace {

constexpr size_t kMaxText = 256 << 20;

void limit(int resource, uint64_t value) {
  rlimit current{};
  if (getrlimit(static_cast<__rlimit_resource>(resource), &current) != 0) return;
  current.rlim_cur = std::min<rlim_t>(value, current.rlim_max);
  setrlimit(static_cast<__rlimit_resource>(resource), &current);
}

int run_as_child(const WorkerLimits& limits, const std::function<int()>& work) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, limits.cpu_seconds);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  limit(RLIMIT_DATA, limits.heap_bytes);  // a sanitizer's shadow would count against it
#endif
  try {
    return work();
  } catch (const std::bad_alloc&) {
    std::fprintf(
        stderr,
        "inquest: the input makes the analysis need more than %llu MiB of memory; it was stopped\n",
        static_cast<unsigned long long>(limits.heap_bytes >> 20));
    return kExitUnreadable;
  }
}

void say_how_it_died(const std::string& path, int signal, const WorkerLimits& limits) {
  const std::string input = term::printable(path);
  if (signal == SIGXCPU || signal == SIGKILL) {
    std::fprintf(stderr,
                 "inquest: %s: the analysis was stopped (%s; its budget is %llu s of CPU): the "
                 "file may be made to be slow\n",
                 input.c_str(), strsignal(signal),
                 static_cast<unsigned long long>(limits.cpu_seconds));
    return;
  }
  std::fprintf(stderr,
               "inquest: %s: the analysis itself died of %s. This is a bug of inquest: please "
               "report it with the file if you may "
               "share it. Nothing was written.\n",
               input.c_str(), strsignal(signal));
}

}  // namespace

int run_in_worker(const std::string& input, const WorkerLimits& limits,
                  const std::function<int()>& work) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) {
    std::perror("inquest: cannot start a worker process");
    return kExitUnreadable;
  }
  if (child == 0) {
    const int code = run_as_child(limits, work);
    std::fflush(nullptr);
    _exit(code);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  if (WTERMSIG(status) == SIGPIPE) {
    // Whoever read the report has read enough (`| head`): ends this program as it would any other.
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
  }
  say_how_it_died(input, WTERMSIG(status), limits);
  return kExitUnreadable;
}

std::optional<std::string> text_of_worker(const std::string& input, const WorkerLimits& limits,
                                          const std::function<Result<std::string>()>& work) {
  const os::Fd shared(::memfd_create("inquest-report", MFD_CLOEXEC));
  if (!shared.valid()) {
    std::perror("inquest: no room for a report");
    return std::nullopt;
  }
  const int code = run_in_worker(input, limits, [&] {
    const auto text = work();
    if (!text.ok()) return refuse(text.error());
    const ByteView bytes(reinterpret_cast<const uint8_t*>(text->data()), text->size());
    const Status written = os::write_all(shared.get(), bytes);
    return written.ok() ? kExitOk : refuse(written.error());
  });
  if (code != kExitOk) return std::nullopt;
  std::string text;
  std::array<uint8_t, 64 << 10> buffer{};
  while (text.size() < kMaxText) {
    const auto got = os::pread_some(shared.get(), buffer, text.size());
    if (!got.ok() || *got == 0) break;
    text.append(reinterpret_cast<const char*>(buffer.data()), *got);
  }
  return text;
}

}  // namespace inquest::cli
