// FaultyFs: a file system that fails at the n-th call, once or from there on, or stops the world
// there; and that can show what power loss at that moment would have left.
//
// Power loss: what was synced is there (a name when its directory was synced, content when its file
// was), and of the rest nothing, everything, or any part, writes cut anywhere. That is more than
// any file system of today would do to us.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "platform/os/fs.h"

namespace inquest::testing {

class FaultyFs final : public os::Fs {
 public:
  // `root`: the directory below which everything happens. Nothing is really synced: that only takes
  // time.
  explicit FaultyFs(std::string root) : root_(std::move(root)) {}

  enum class Fault : uint8_t { kNone, kOnce, kForever, kStop };
  // Call number `call` (from 1) fails with `error`; kStop: it and all later ones do nothing.
  void fail(Fault fault, uint64_t call, int error);
  uint64_t calls() const { return calls_; }
  bool stopped() const { return fault_ == Fault::kStop && calls_ >= failing_; }

  // From now on (or no more) there is no room: only what is there already may be written over, and
  // room that was reserved before may be written.
  void fill_disk(bool full) { disk_is_full_ = full; }

  enum class Unsynced : uint8_t { kLost, kKept, kMixed };
  // Makes below `directory` (that must not exist) what would be found after power loss now.
  void lose_power(const std::string& directory, Unsynced unsynced, uint32_t seed) const;

  Result<os::Fd> open_at(int directory, const std::string& name, int flags, unsigned mode) override;
  Result<os::Fd> create_unnamed(int directory) override;
  Status link_unnamed(int fd, int directory, const std::string& name) override;
  Status write_at(int fd, ByteView bytes, uint64_t offset) override;
  Status sync(int fd) override;
  Status truncate(int fd, uint64_t size) override;
  Status reserve(int fd, uint64_t offset, uint64_t size) override;
  Status rename_at(int directory, const std::string& from, const std::string& to) override;
  Status unlink_at(int directory, const std::string& name) override;
  Status make_directory_at(int directory, const std::string& name, unsigned mode) override;

 private:
  struct Operation {
    enum class Kind : uint8_t { kWrite, kTruncate, kName, kUnname, kSync } kind;
    uint64_t node = 0;       // file or directory that is changed or synced
    std::string name, from;  // kName: `from` is the name it had in this directory, or empty
    uint64_t named = 0;      // kName: which file
    uint64_t offset = 0;
    Bytes bytes;
  };
  struct Node {
    bool is_directory = false;
    Bytes content;
    std::map<std::string, uint64_t> names;
  };

  Status step();
  uint64_t node_of(int fd);
  uint64_t new_node(int fd, bool is_directory);
  std::map<uint64_t, Node> replay(Unsynced unsynced, uint32_t seed) const;

  bool has_room(int fd, uint64_t end) const;

  std::string root_;
  bool disk_is_full_ = false;
  std::map<uint64_t, uint64_t> reserved_;  // by inode: up to where
  Fault fault_ = Fault::kNone;
  uint64_t failing_ = 0;
  int error_ = 0;
  uint64_t calls_ = 0;
  uint64_t next_node_ = 1;
  std::map<uint64_t, uint64_t> nodes_;     // inode → node: numbers of inodes come again
  std::map<uint64_t, bool> is_directory_;  // by node
  std::vector<Operation> journal_;
};

}  // namespace inquest::testing
