#include "capture/supervise/snapshot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/words.h"
#include "capture/supervise/launch.h"
#include "platform/os/file.h"

namespace inquest::capture {
namespace {

constexpr uint64_t kReserveKib = 64 << 10;

std::optional<uint64_t> number_in(const std::string& path) {
  const auto text = os::read_text_file(path, 4096);
  if (!text.ok()) return std::nullopt;
  std::string_view rest = *text;
  return take_number<uint64_t>(rest);
}

std::optional<uint64_t> available_kib() {
  constexpr std::string_view kKey = "MemAvailable:";
  const auto text = os::read_text_file("/proc/meminfo", 64 << 10);
  if (!text.ok()) return std::nullopt;
  const size_t at = text->find(kKey);
  if (at == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(*text).substr(at + kKey.size());
  std::string_view word = take_word(rest);
  return take_number<uint64_t>(word).value_or(0);
}

// What the nearest limits of version 2 leave; nullopt when there is none.
std::optional<uint64_t> group_left_kib() {
  const auto text = os::read_text_file("/proc/self/cgroup", 64 << 10);
  if (!text.ok()) return std::nullopt;
  std::string path = names_in_cgroup(*text).path;
  std::optional<uint64_t> left;
  while (true) {
    const std::string directory = "/sys/fs/cgroup" + path;
    const auto limit = number_in(directory + "/memory.max");
    const auto used = number_in(directory + "/memory.current");
    if (limit && used) {
      const uint64_t here = (*limit - std::min(*limit, *used)) >> 10;
      left = std::min(left.value_or(here), here);
    }
    const size_t slash = path.rfind('/');
    if (path.empty() || slash == std::string::npos) return left;
    path.resize(slash);
  }
}

// Waits for the first stop of the copy. It must never run: if we end, so does it.
bool hold_for_good(pid_t pid) {
  constexpr int kRounds = 20'000;
  constexpr useconds_t kPause = 50;
  for (int round = 0; round < kRounds; ++round) {
    int status = 0;
    const pid_t got = ::waitpid(pid, &status, __WALL | WNOHANG);
    if (got == pid && WIFSTOPPED(status)) {
      const auto options = reinterpret_cast<void*>(intptr_t{PTRACE_O_EXITKILL});
      return ::ptrace(PTRACE_SETOPTIONS, pid, nullptr, options) == 0;
    }
    if (got != 0) return false;
    ::usleep(kPause);
  }
  return false;
}

std::string why_clone_failed(int64_t error) {
  switch (-error) {
    case EAGAIN:
      return "the limit on processes is reached";
    case ENOMEM:
      return "the system promises no more memory (overcommit)";
    default:
      return fmt::format("clone failed: {}", std::strerror(static_cast<int>(-error)));
  }
}

// Memory of the kernel or a device: madvise() refuses all that comes behind it.
bool is_special(const LiveMapping& mapping) {
  return mapping.shared || mapping.path.starts_with("[v") || mapping.path.starts_with("/dev/");
}

// V8 keeps its heap out of children (MADV_DONTFORK), and a copy is no child that runs. What is to
// be kept out of dumps has another flag, which the copy inherits. Few calls: one for all that lies
// between two special mappings.
void keep_all_in_copies(const Injector& injector, const std::vector<LiveMapping>& mappings) {
  AddressRange range;
  const auto apply = [&] {
    if (range.size() == 0) return;
    static_cast<void>(
        injector.call(SYS_madvise, {range.start.value, range.size(), MADV_DOFORK, 0, 0, 0}).ok());
    range = {};
  };
  for (const LiveMapping& mapping : mappings) {
    if (is_special(mapping)) {
      apply();
    } else {
      if (range.size() == 0) range.start = mapping.range.start;
      range.end = mapping.range.end;
    }
  }
  apply();
}

}  // namespace

std::string why_no_headroom(uint64_t resident_kib, uint64_t available,
                            std::optional<uint64_t> group_left) {
  const uint64_t needed = resident_kib + kReserveKib;
  if (available < needed) {
    return fmt::format("a copy might fill the memory: {} MiB are available, {} MiB could be needed",
                       available >> 10, needed >> 10);
  }
  if (group_left && *group_left < needed) {
    return fmt::format(
        "a copy might reach the control group's limit: {} MiB are left in it, {} MiB "
        "could be needed",
        *group_left >> 10, needed >> 10);
  }
  return {};
}

std::string why_no_headroom(uint64_t resident_kib) {
  const auto available = available_kib();
  return why_no_headroom(resident_kib, available.value_or(UINT64_MAX), group_left_kib());
}

Result<std::unique_ptr<Snapshot>> Snapshot::make(const Injector& injector, pid_t tid,
                                                 const Captured& captured) {
  if (const std::string why = why_no_headroom(captured.circumstances.status.resident_kib);
      !why.empty()) {
    return Error(ErrorCode::kUnavailable, why);
  }
  // The copy is to be ours from its first instruction on, whether we trace the original always or
  // only now.
  if (::ptrace(PTRACE_SETOPTIONS, tid, nullptr, reinterpret_cast<void*>(trace_options())) != 0) {
    return Error::io("the copy cannot be traced", errno);
  }
  INQ_TRY(Proc original, Proc::open(captured.pid));
  keep_all_in_copies(injector, captured.mappings);
  const uint64_t flags = CLONE_FILES | SIGCHLD;
  INQ_TRY(const int64_t pid, injector.call(SYS_clone, {flags, 0, 0, 0, 0, 0}));
  if (pid < 0) return Error(ErrorCode::kUnavailable, why_clone_failed(pid));
  // In a pid namespace of its own the process knows its child by another number: ptrace told ours.
  const pid_t child = injector.last_child().value_or(static_cast<pid_t>(pid));
  auto process = Proc::open(child);
  if (!process.ok()) {
    ::kill(child, SIGKILL);
    return Error(process.error());
  }
  std::unique_ptr<Snapshot> snapshot(new Snapshot(std::move(*process), std::move(original)));
  if (!hold_for_good(child)) return Error(ErrorCode::kUnavailable, "the copy could not be held");
  if (auto fd = snapshot->process_.open_file("oom_score_adj", O_WRONLY); fd.ok()) {
    const std::string_view first = "1000";
    static_cast<void>(::write(fd->get(), first.data(), first.size()) == 0);
  }
  return snapshot;
}

Snapshot::Snapshot(Proc process, Proc original)
    : process_(std::move(process)),
      original_(std::move(original)),
      memory_(process_),
      owner_(::getpid()) {}

void Snapshot::end_after_original() const {
  constexpr int kLongestMs = 1000;
  pollfd end{.fd = original_.pidfd(), .events = POLLIN, .revents = 0};
  ::poll(&end, 1, kLongestMs);
  this->end();
}

void Snapshot::end() const {
  ::syscall(SYS_pidfd_send_signal, process_.pidfd(), SIGKILL, nullptr, 0);
}

Snapshot::~Snapshot() {
  if (owner_ == ::getpid()) end();
}

}  // namespace inquest::capture
