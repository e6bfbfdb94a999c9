#include "platform/os/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "platform/os/fd.h"
#include "platform/os/mapped_file.h"

namespace inquest::os {

namespace {

constexpr size_t kReadStep = 64 * 1024;

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status write_and_sync(const Fd& fd, ByteView content, unsigned mode) {
  INQ_TRY_STATUS(write_all(fd.get(), content));
  // mkostemp made it 0600.
  if (::fchmod(fd.get(), mode) != 0) return Error::io("cannot set the mode", errno);
  if (::fsync(fd.get()) != 0) return Error::io("cannot sync", errno);
  return {};
}

template <typename Container>
Result<Container> read_whole(const std::string& path, uint64_t max_size) {
  INQ_TRY(Fd fd, open_regular_file(path));
  INQ_TRY(const FileIdentity identity, identify(fd.get()));
  const auto too_large = [&] {
    return Error(ErrorCode::kTooLarge, fmt::format("{} is larger than {} bytes", path, max_size));
  };
  if (identity.size > max_size) return too_large();
  Container content;
  // One byte more than the size says, so that the end is seen in the same call.
  size_t step = static_cast<size_t>(identity.size) + 1;
  while (true) {
    const size_t old_size = content.size();
    content.resize(old_size + step);
    auto* start = reinterpret_cast<uint8_t*>(content.data()) + old_size;
    auto got = read_some(fd.get(), {start, step});
    if (!got) return std::move(got).error().with_context(path);
    content.resize(old_size + *got);
    if (content.size() > max_size) return too_large();
    if (*got < step) return content;
    step = kReadStep;
  }
}

}  // namespace

Result<Bytes> read_file(const std::string& path, uint64_t max_size) {
  return read_whole<Bytes>(path, max_size);
}

Result<std::string> read_text_file(const std::string& path, uint64_t max_size) {
  return read_whole<std::string>(path, max_size);
}

Status write_file_atomic(const std::string& path, ByteView content, unsigned mode) {
  std::string temporary = path + ".XXXXXX";
  Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.valid()) return Error::io("cannot create a file beside " + path, errno);
  Status written = write_and_sync(fd, content, mode);
  if (written.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    written = Error::io("cannot rename into place", errno);
  }
  if (!written.ok()) {
    ::unlink(temporary.c_str());
    return std::move(written).error().with_context(path);
  }
  // The rename itself is durable only when the directory is synced; losing it loses nothing but the
  // new version.
  const Fd directory(::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.valid()) ::fsync(directory.get());
  return {};
}

bool is_regular_file(const std::string& path) {
  struct stat info = {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

bool is_directory(const std::string& path) {
  struct stat info = {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace inquest::os
