#include "platform/os/fs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace inquest::os {
namespace {

Error cannot(std::string_view what, std::string_view name, int error) {
  if (error == ENOENT) {
    return {ErrorCode::kNotFound, fmt::format("cannot {} {}: not there", what, name)};
  }
  return Error::io(fmt::format("cannot {} {}", what, name), error);
}

class RealFs final : public Fs {
 public:
  Result<Fd> open_at(int directory, const std::string& name, int flags, unsigned mode) override {
    Fd fd(::openat(directory, name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, mode));
    if (!fd.valid()) return cannot("open", name, errno);
    return fd;
  }

  Result<Fd> create_unnamed(int directory) override {
    Fd fd(::openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (fd.valid()) return fd;
    if (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT) {
      return Error(ErrorCode::kUnsupported, "this file system makes no files without a name");
    }
    return cannot("create", "a file", errno);
  }

  Status link_unnamed(int fd, int directory, const std::string& name) override {
    const std::string self = fmt::format("/proc/self/fd/{}", fd);
    if (::linkat(AT_FDCWD, self.c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      return {};
    }
    return cannot("name", name, errno);
  }

  Status write_at(int fd, ByteView bytes, uint64_t offset) override {
    while (!bytes.empty()) {
      const ssize_t put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (put < 0) {
        if (errno == EINTR) continue;
        return Error::io("writing failed", errno);
      }
      bytes = bytes.subspan(static_cast<size_t>(put));
      offset += static_cast<uint64_t>(put);
    }
    return {};
  }

  Status sync(int fd) override {
    if (::fsync(fd) == 0) return {};
    return Error::io("cannot sync", errno);
  }

  Status truncate(int fd, uint64_t size) override {
    if (::ftruncate(fd, static_cast<off_t>(size)) == 0) return {};
    return Error::io("cannot cut a file", errno);
  }

  Status reserve(int fd, uint64_t offset, uint64_t size) override {
    if (::fallocate(fd, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                    static_cast<off_t>(size)) == 0) {
      return {};
    }
    return Error::io("cannot reserve room", errno);
  }

  Status rename_at(int directory, const std::string& from, const std::string& to) override {
    if (::renameat(directory, from.c_str(), directory, to.c_str()) == 0) return {};
    return cannot("rename", from, errno);
  }

  Status unlink_at(int directory, const std::string& name) override {
    if (::unlinkat(directory, name.c_str(), 0) == 0) return {};
    return cannot("remove", name, errno);
  }

  Status make_directory_at(int directory, const std::string& name, unsigned mode) override {
    if (::mkdirat(directory, name.c_str(), mode) == 0 || errno == EEXIST) return {};
    return cannot("create", name, errno);
  }
};

}  // namespace

Fs& real_fs() {
  static RealFs fs;
  return fs;
}

}  // namespace inquest::os
