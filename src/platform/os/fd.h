// Fd: an owned file descriptor, and the loops around read and write that every caller would get
// wrong.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

namespace inquest::os {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }
  // Gives the descriptor up; the caller closes it.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

// Opens for reading, close-on-exec. Never blocks on a FIFO and never takes a controlling terminal.
// Anything that is not a regular file is refused (kUnsupported): the path may come out of a hostile
// core.
Result<Fd> open_regular_file(const std::string& path);

// Creates or truncates `path` for reading and writing.
Result<Fd> create_file(const std::string& path, unsigned mode = 0644);

// An anonymous file, removed when closed, in the temporary directory (on disk, not in memory). It
// may be huge.
Result<Fd> anonymous_file();

// Reads up to buffer.size() bytes; fewer only at the end of the file. EINTR is retried.
Result<size_t> read_some(int fd, std::span<uint8_t> buffer);
Result<size_t> pread_some(int fd, std::span<uint8_t> buffer, uint64_t offset);

// Writes everything or fails.
Status write_all(int fd, ByteView bytes);

}  // namespace inquest::os
