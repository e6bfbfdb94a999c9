// MappedFile: a file as a ByteView without reading it. Only the pages that are touched cost
// anything.
//
// A mapping is the right door for cores (20 GiB and sparse) and big binaries, provided read-ahead
// is off: with the kernel's default, looking at 26 MiB of a gigabyte of DWARF reads 600 MiB
// (measured). Hence kRandom. If another process shortens the file while it is mapped, touching the
// lost pages raises SIGBUS; a reader of files that others may still be writing runs in a worker
// process.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "platform/os/fd.h"

namespace inquest::os {

// Which file this is: enough to notice that the file behind a path was replaced or rewritten.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  int64_t modified_ns = 0;  // since the epoch

  bool operator==(const FileIdentity&) const = default;
};

Result<FileIdentity> identify(int fd);

class MappedFile {
 public:
  enum class Access {
    kRandom,      // no read-ahead: few pages, far apart
    kSequential,  // the whole file, front to back
  };

  MappedFile() = default;  // maps nothing
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  // Regular files only; errors name the path. The descriptor is closed again, so thousands may be
  // mapped.
  static Result<MappedFile> open(const std::string& path, Access access = Access::kRandom);
  // `name` is what errors and path() call it. The file is mapped from its start whatever fd's
  // offset is.
  static Result<MappedFile> from_fd(const Fd& fd, std::string name,
                                    Access access = Access::kRandom);

  ByteView bytes() const { return {data_, static_cast<size_t>(identity_.size)}; }
  uint64_t size() const { return identity_.size; }
  const std::string& path() const { return path_; }
  const FileIdentity& identity() const { return identity_; }

  // Asks the kernel to start reading these bytes now. Only a hint: out-of-range parts are ignored.
  void prefetch(uint64_t offset, uint64_t size) const;
  // Gives the pages inside the range back; they are read again when touched. Keeps memory flat in
  // long scans.
  void release(uint64_t offset, uint64_t size) const;

 private:
  void unmap();
  void advise(uint64_t offset, uint64_t size, int advice) const;

  uint8_t* data_ = nullptr;  // identity_.size bytes
  FileIdentity identity_;
  std::string path_;
};

}  // namespace inquest::os
