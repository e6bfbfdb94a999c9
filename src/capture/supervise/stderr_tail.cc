#include "capture/supervise/stderr_tail.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

namespace inquest::capture {

StderrTail::StderrTail(bool wanted) {
  struct stat info = {};
  if (!wanted) {
    why_not_ = "not asked for";
  } else if (::fstat(STDERR_FILENO, &info) != 0) {
    why_not_ = "stderr is closed";
  } else if (S_ISREG(info.st_mode)) {
    is_file_ = true;
  } else if (!S_ISFIFO(info.st_mode) && !S_ISSOCK(info.st_mode)) {
    why_not_ = ::isatty(STDERR_FILENO) != 0 ? "stderr is a terminal, which is left alone"
                                            : "stderr is a device";
  } else {
    std::array<int, 2> ends;
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
      why_not_ = "no pipe could be made";
      return;
    }
    stop_ = os::Fd(::eventfd(0, EFD_CLOEXEC));
    read_end_ = os::Fd(ends[0]);
    write_end_ = os::Fd(ends[1]);
    // Signals are for the thread that waits for them: one that came here would be lost.
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before);
    thread_ = std::thread([this] { pump(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
}

StderrTail::~StderrTail() {
  if (!thread_.joinable()) return;
  // Programs that still run may hold the other end: what has come so far is copied, no more.
  ::fcntl(read_end_.get(), F_SETFL, O_NONBLOCK);
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

void StderrTail::pump() {
  std::array<char, 16 << 10> buffer;
  while (true) {
    std::array<pollfd, 2> waiting = {{{.fd = read_end_.get(), .events = POLLIN, .revents = 0},
                                      {.fd = stop_.get(), .events = POLLIN, .revents = 0}}};
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) return;
    if (waiting[0].revents == 0 && waiting[1].revents != 0) return;
    if (waiting[0].revents == 0) continue;
    const ssize_t got = take(buffer);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) return;
    const ByteView bytes(reinterpret_cast<const uint8_t*>(buffer.data()), static_cast<size_t>(got));
    // When nobody reads any more the program gets SIGPIPE, as it would have without us.
    if (!os::write_all(STDERR_FILENO, bytes).ok()) {
      read_end_.reset();
      return;
    }
  }
}

// What has left the pipe is kept before anybody else can look.
ssize_t StderrTail::take(std::span<char> buffer) {
  const std::lock_guard lock(mutex_);
  const ssize_t got = ::read(read_end_.get(), buffer.data(), buffer.size());
  if (got <= 0) return got;
  kept_.append(buffer.data(), static_cast<size_t>(got));
  if (kept_.size() > 2 * kStderrKept) kept_.erase(0, kept_.size() - kStderrKept);
  return got;
}

std::string StderrTail::taken() {
  constexpr int kRounds = 100;
  constexpr useconds_t kPause = 500;
  for (int round = 0; true; ++round) {
    {
      const std::lock_guard lock(mutex_);
      int left = 0;
      const bool all =
          !read_end_.valid() || ::ioctl(read_end_.get(), FIONREAD, &left) != 0 || left == 0;
      if (all || round == kRounds)
        return kept_.substr(kept_.size() - std::min(kept_.size(), kStderrKept));
    }
    ::usleep(kPause);
  }
}

std::string StderrTail::last_lines() {
  std::string text;
  if (is_file_) {
    struct stat info = {};
    if (::fstat(STDERR_FILENO, &info) != 0) return text;
    const auto size = static_cast<uint64_t>(info.st_size);
    const uint64_t from = size - std::min<uint64_t>(size, kStderrKept);
    // Opened for writing only, as a rule: it is read through /proc.
    const os::Fd fd(::open("/proc/self/fd/2", O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd.valid()) return text;
    text.resize(kStderrKept);
    const auto got =
        os::pread_some(fd.get(), {reinterpret_cast<uint8_t*>(text.data()), text.size()}, from);
    text.resize(got.ok() ? *got : 0);
  } else {
    text = taken();
  }
  if (text.size() == kStderrKept) text.erase(0, std::min(text.find('\n') + 1, text.size()));
  return text;
}

}  // namespace inquest::capture
