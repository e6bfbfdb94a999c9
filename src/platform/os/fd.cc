#include "platform/os/fd.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

#include "platform/os/directories.h"

namespace inquest::os {

namespace {

Error cannot(std::string_view what, const std::string& path, int error) {
  const std::string message = fmt::format("cannot {} {}", what, path);
  if (error == ENOENT || error == ENOTDIR) return {ErrorCode::kNotFound, message + ": not there"};
  return Error::io(message, error);
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Fd::reset() {
  // Linux closes the descriptor even when close() answers EINTR, so it is never retried.
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<Fd> open_regular_file(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    return Error(ErrorCode::kInvalidArgument, "a path must not be empty or contain a NUL");
  }
  // Opening a device can have effects of its own, so look first; fstat below catches a file that
  // was swapped.
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) return cannot("open", path, errno);
  if (!S_ISREG(info.st_mode)) {
    return Error(ErrorCode::kUnsupported, path + " is not a regular file");
  }
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return cannot("open", path, errno);
  if (::fstat(fd.get(), &info) != 0) return cannot("examine", path, errno);
  if (!S_ISREG(info.st_mode)) {
    return Error(ErrorCode::kUnsupported, path + " is not a regular file");
  }
  return fd;
}

Result<Fd> create_file(const std::string& path, unsigned mode) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, mode));
  if (!fd.valid()) return cannot("create", path, errno);
  return fd;
}

Result<Fd> anonymous_file() {
  const std::string directory = temp_directory();
  Fd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd.valid()) return fd;
  // Not every file system knows O_TMPFILE.
  std::string name = directory + "/inquest-XXXXXX";
  fd = Fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd.valid()) return cannot("create a temporary file in", directory, errno);
  ::unlink(name.c_str());
  return fd;
}

Result<size_t> read_some(int fd, std::span<uint8_t> buffer) {
  size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t got = ::read(fd, buffer.data() + done, buffer.size() - done);
    if (got == 0) break;
    if (got < 0) {
      if (errno == EINTR) continue;
      return Error::io("reading failed", errno);
    }
    done += static_cast<size_t>(got);
  }
  return done;
}

Result<size_t> pread_some(int fd, std::span<uint8_t> buffer, uint64_t offset) {
  constexpr auto kMaxOffset = static_cast<uint64_t>(std::numeric_limits<off_t>::max());
  size_t done = 0;
  while (done < buffer.size()) {
    if (offset > kMaxOffset - done) break;
    const ssize_t got =
        ::pread(fd, buffer.data() + done, buffer.size() - done, static_cast<off_t>(offset + done));
    if (got == 0) break;
    if (got < 0) {
      if (errno == EINTR) continue;
      return Error::io(fmt::format("reading at offset {} failed", offset + done), errno);
    }
    done += static_cast<size_t>(got);
  }
  return done;
}

Status write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0) {
      if (errno == EINTR) continue;
      return Error::io("writing failed", errno);
    }
    bytes = bytes.subspan(static_cast<size_t>(put));
  }
  return {};
}

}  // namespace inquest::os
