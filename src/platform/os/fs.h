// Fs: the calls that change what is on disk, behind an interface, so that tests can make each of
// them fail, or stop the world after it. For stores that must survive kill -9 and power loss.
//
// Names are single path components below an open directory: nothing is resolved twice, and symbolic
// links are never followed. Reading needs no such interface: see fd.h.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "platform/os/fd.h"

namespace inquest::os {

class Fs {
 public:
  virtual ~Fs() = default;

  // openat(2) with O_CLOEXEC | O_NOFOLLOW | O_NOCTTY. kNotFound when it is not there.
  virtual Result<Fd> open_at(int directory, const std::string& name, int flags,
                             unsigned mode = 0600) = 0;
  // A file for reading and writing that has no name yet (O_TMPFILE); kUnsupported where the file
  // system has none.
  virtual Result<Fd> create_unnamed(int directory) = 0;
  // Gives an unnamed file its name; fails when the name is taken. Needs /proc.
  virtual Status link_unnamed(int fd, int directory, const std::string& name) = 0;
  // All bytes at `offset`, or an error; then some of them may have been written.
  virtual Status write_at(int fd, ByteView bytes, uint64_t offset) = 0;
  // Content and size are on the disk when this returns ok (a directory: its names).
  virtual Status sync(int fd) = 0;
  virtual Status truncate(int fd, uint64_t size) = 0;
  // Sets room aside for [offset, offset + size) without changing the size of the file.
  virtual Status reserve(int fd, uint64_t offset, uint64_t size) = 0;
  // Replaces `to` when it is there.
  virtual Status rename_at(int directory, const std::string& from, const std::string& to) = 0;
  virtual Status unlink_at(int directory, const std::string& name) = 0;
  // One that is there already is no error.
  virtual Status make_directory_at(int directory, const std::string& name, unsigned mode) = 0;
};

// The kernel's.
Fs& real_fs();

}  // namespace inquest::os
