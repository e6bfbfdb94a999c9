#include "capture/record/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace inquest::capture {

Result<Proc> Proc::open(pid_t pid) {
  Proc proc;
  proc.pid_ = pid;
  proc.pidfd_ = os::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!proc.pidfd_.valid() && errno == ESRCH) {
    return Error(ErrorCode::kNotFound, fmt::format("there is no process {}", pid));
  }
  if (!proc.pidfd_.valid()) return Error::io(fmt::format("cannot hold process {}", pid), errno);
  const std::string path = fmt::format("/proc/{}", pid);
  proc.directory_ = os::Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!proc.directory_.valid()) return Error::io(path, errno);
  // The directory was opened by number: it is this process's if that has not ended meanwhile.
  if (!proc.is_alive()) {
    return Error(ErrorCode::kNotFound, fmt::format("process {} has ended", pid));
  }
  return proc;
}

bool Proc::is_alive() const {
  pollfd waiting{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, 0) == 0;
}

Result<os::Fd> Proc::open_file(const std::string& name, int flags) const {
  os::Fd fd(::openat(directory_.get(), name.c_str(), flags | O_CLOEXEC | O_NOCTTY));
  if (!fd.valid()) return Error::io(fmt::format("/proc/{}/{}", pid_, name), errno);
  return fd;
}

Result<std::string> Proc::read(const std::string& name, size_t max) const {
  INQ_TRY(const os::Fd fd, open_file(name, O_RDONLY));
  std::string text;
  constexpr size_t kStep = 64 << 10;
  while (text.size() < max) {
    const size_t before = text.size();
    const size_t wanted = std::min(kStep, max - before);
    text.resize(before + wanted);
    const ssize_t got = ::read(fd.get(), text.data() + before, wanted);
    text.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::io(fmt::format("/proc/{}/{}", pid_, name), errno);
    if (got == 0) break;
  }
  return text;
}

std::string Proc::link(const std::string& name) const {
  std::array<char, 4096> target;
  const ssize_t size = ::readlinkat(directory_.get(), name.c_str(), target.data(), target.size());
  return size > 0 ? std::string(target.data(), static_cast<size_t>(size)) : std::string();
}

std::vector<int> Proc::numbers_in(const std::string& name, size_t max, bool* more) const {
  std::vector<int> numbers;
  if (more != nullptr) *more = false;
  auto fd = open_file(name, O_RDONLY | O_DIRECTORY);
  if (!fd.ok()) return numbers;
  DIR* directory = ::fdopendir(fd->release());
  if (directory == nullptr) return numbers;
  while (const dirent* entry = ::readdir(directory)) {
    int number = 0;
    const char* end = entry->d_name + std::strlen(entry->d_name);
    const auto [stop, failure] = std::from_chars(entry->d_name, end, number);
    if (failure != std::errc() || stop != end) continue;
    if (numbers.size() == max) {
      if (more != nullptr) *more = true;
      break;
    }
    numbers.push_back(number);
  }
  ::closedir(directory);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace inquest::capture
