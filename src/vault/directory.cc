#include "vault/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <thread>

#include "platform/os/directories.h"
#include "platform/os/file.h"

namespace inquest::vault {
namespace {

constexpr size_t kMaxNames = 4'000'000;
constexpr std::chrono::milliseconds kLongestPause{16};

Status trust(int fd, const std::string& path, bool read_only) {
  struct stat info = {};
  if (::fstat(fd, &info) != 0) return Error::io("cannot examine " + path, errno);
  const bool ours = info.st_uid == ::geteuid();
  if (!ours && !(read_only && ::geteuid() == 0)) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} belongs to user {}: a vault is read and written by its owner",
                             path, info.st_uid));
  }
  if ((info.st_mode & 0077) == 0) return {};
  // Made by hand, or restored from somewhere. Nobody else could have written: closing it is enough.
  if ((info.st_mode & 0022) == 0 && ours && ::fchmod(fd, 0700) == 0) return {};
  return Error(ErrorCode::kInvalidArgument,
               path +
                   " may be read or written by others than its owner: chmod 700 it if what is in "
                   "it can be trusted");
}

// The directory itself must not be gone after power loss. Those above may not be ours to sync.
void sync_names_above(std::string path) {
  for (size_t slash = path.rfind('/'); slash != std::string::npos; slash = path.rfind('/')) {
    path.resize(std::max<size_t>(slash, 1));
    const os::Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid() || ::fsync(fd.get()) != 0 || slash == 0) return;
  }
}

}  // namespace

Result<os::Fd> open_directory(const std::string& path, bool create, bool read_only) {
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  if (create && !os::is_directory(trimmed)) {
    INQ_TRY_STATUS(os::make_directories(trimmed, 0700));
    sync_names_above(trimmed);
  }
  os::Fd fd(::open(trimmed.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) {
    if (errno == ENOENT) return Error(ErrorCode::kNotFound, "there is no vault at " + trimmed);
    if (errno == ELOOP || errno == ENOTDIR) {
      return Error(ErrorCode::kInvalidArgument, trimmed + " is not a directory");
    }
    return Error::io("cannot open " + trimmed, errno);
  }
  INQ_TRY_STATUS(trust(fd.get(), trimmed, read_only));
  return fd;
}

Result<os::Fd> open_below(os::Fs& fs, int directory, const std::string& name, bool create) {
  if (create) INQ_TRY_STATUS(fs.make_directory_at(directory, name, 0700));
  return fs.open_at(directory, name, O_RDONLY | O_DIRECTORY);
}

Result<std::vector<std::string>> list_names(int directory) {
  // A descriptor of its own: the position in a directory belongs to the open file.
  const int copy = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return Error::io("cannot list a directory", errno);
  const auto close = [](DIR* stream) { ::closedir(stream); };
  const std::unique_ptr<DIR, decltype(close)> stream(::fdopendir(copy), close);
  if (stream == nullptr) {
    ::close(copy);
    return Error::io("cannot list a directory", errno);
  }
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (names.size() >= kMaxNames) return Error(ErrorCode::kTooLarge, "a directory is too large");
    names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Status wait_for_lock(const std::function<int()>& take, std::chrono::milliseconds patience,
                     std::string_view what) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  auto pause = std::chrono::milliseconds(1);
  while (take() != 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EACCES)
      return Error::io(fmt::format("locking {}", what), errno);
    if (std::chrono::steady_clock::now() >= deadline) {
      return Error(ErrorCode::kUnavailable, fmt::format("{} is held by another process", what));
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, kLongestPause);
  }
  return {};
}

Result<os::Fd> take_lock(os::Fs& fs, int directory, const std::string& name,
                         std::chrono::milliseconds patience) {
  INQ_TRY(os::Fd fd, fs.open_at(directory, name, O_RDWR | O_CREAT));
  INQ_TRY_STATUS(
      wait_for_lock([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }, patience, name));
  return fd;
}

}  // namespace inquest::vault
