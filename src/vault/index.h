// Index: the append-only file that says which cases there are.
//
// Readers take no lock: they read as far as whole frames go. A writer holds the lock file, reads on
// to the end, cuts a torn tail, and appends; what it appended is on the disk when append() returns.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "platform/os/fs.h"
#include "vault/frames.h"

namespace inquest::vault {

class Index {
 public:
  // `directory` (an open descriptor) and `fs` must outlive it. Creates the file when `create`,
  // with room for `reserve` bytes more than there are.
  static Result<Index> open(os::Fs& fs, int directory, bool create, uint64_t reserve);

  using Visit = std::function<void(std::string_view payload)>;
  // Visits the frames that came since the last call. When the file was replaced by a shorter one
  // (compaction) `restart` is called first, and all frames are visited.
  Status catch_up(const std::function<void()>& restart, const Visit& visit);

  // The caller holds the lock and has caught up. After an error the record does not count. ENOSPC
  // means that even the reserve is used up.
  Status append(std::string_view payload);
  // Replaces the whole file by one that holds `payloads`. Lock and catch up as above; afterwards
  // nothing needs to be visited again. `before`: what must be done, when the new one is on the
  // disk, before it takes the place of the old.
  Status rewrite(
      const std::vector<std::string>& payloads,
      const std::function<Status()>& before = [] { return Status(); });

  // Tries to make the room that is kept for headers again; whether that failed: the disk is full.
  bool room_is_scarce();
  uint64_t size() const { return end_; }
  uint64_t damaged() const { return damaged_; }

 private:
  Index(os::Fs& fs, int directory, uint64_t reserve)
      : fs_(&fs), directory_(directory), reserve_(reserve) {}
  Status create_file();
  Status reopen();
  Result<bool> was_replaced() const;

  os::Fs* fs_;
  int directory_;
  uint64_t reserve_;
  os::Fd fd_;
  uint64_t inode_ = 0;
  uint64_t end_ = 0;           // behind the last good frame
  uint64_t seen_size_ = 0;     // of the file when it was read last: beyond end_ is a torn tail
  uint64_t reserved_end_ = 0;  // room is set aside up to here
  uint64_t damaged_ = 0;
};

}  // namespace inquest::vault
