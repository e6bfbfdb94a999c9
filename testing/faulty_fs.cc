#include "testing/faulty_fs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <set>
#include <utility>

#include "base/check.h"

namespace inquest::testing {
namespace {

uint64_t inode_of(int fd) {
  struct stat info = {};
  INQ_CHECK(::fstat(fd, &info) == 0);
  return info.st_ino;
}

uint64_t inode_at(int directory, const std::string& name) {
  struct stat info = {};
  if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return 0;
  return info.st_ino;
}

void write_file(const std::string& path, ByteView content) {
  const os::Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  INQ_CHECK(fd.valid() && os::write_all(fd.get(), content).ok());
}

}  // namespace

void FaultyFs::fail(Fault fault, uint64_t call, int error) {
  fault_ = fault;
  failing_ = call;
  error_ = error;
}

Status FaultyFs::step() {
  ++calls_;
  const bool now =
      fault_ == Fault::kOnce ? calls_ == failing_ : fault_ != Fault::kNone && calls_ >= failing_;
  return now ? Status(Error::io("a fault of the test", error_)) : Status();
}

uint64_t FaultyFs::node_of(int fd) {
  const uint64_t inode = inode_of(fd);
  const auto known = nodes_.find(inode);
  if (known != nodes_.end()) return known->second;
  struct stat info = {};
  INQ_CHECK(::fstat(fd, &info) == 0);
  return new_node(fd, S_ISDIR(info.st_mode));
}

uint64_t FaultyFs::new_node(int fd, bool is_directory) {
  const uint64_t node = next_node_++;
  nodes_[inode_of(fd)] = node;
  is_directory_[node] = is_directory;
  return node;
}

Result<os::Fd> FaultyFs::open_at(int directory, const std::string& name, int flags, unsigned mode) {
  const bool existed = inode_at(directory, name) != 0;
  const bool changes = (flags & O_CREAT) != 0 && !existed;
  if (changes || (flags & O_TRUNC) != 0) {
    INQ_TRY_STATUS(step());
  } else if (stopped()) {
    return Error::io("stopped", EIO);
  }
  INQ_TRY(os::Fd fd, os::real_fs().open_at(directory, name, flags, mode));
  if (changes) {
    const uint64_t node = new_node(fd.get(), false);
    journal_.push_back(
        {.kind = Operation::Kind::kName, .node = node_of(directory), .name = name, .named = node});
  } else if ((flags & O_TRUNC) != 0) {
    journal_.push_back({.kind = Operation::Kind::kTruncate, .node = node_of(fd.get())});
  }
  return fd;
}

bool FaultyFs::has_room(int fd, uint64_t end) const {
  if (!disk_is_full_) return true;
  struct stat info = {};
  INQ_CHECK(::fstat(fd, &info) == 0);
  const auto reserved = reserved_.find(info.st_ino);
  const uint64_t room = reserved == reserved_.end() ? 0 : reserved->second;
  return end <= std::max<uint64_t>(static_cast<uint64_t>(info.st_size), room);
}

Result<os::Fd> FaultyFs::create_unnamed(int directory) {
  INQ_TRY_STATUS(step());
  INQ_TRY(os::Fd fd, os::real_fs().create_unnamed(directory));
  new_node(fd.get(), false);
  return fd;
}

Status FaultyFs::link_unnamed(int fd, int directory, const std::string& name) {
  INQ_TRY_STATUS(step());
  INQ_TRY_STATUS(os::real_fs().link_unnamed(fd, directory, name));
  journal_.push_back({.kind = Operation::Kind::kName,
                      .node = node_of(directory),
                      .name = name,
                      .named = node_of(fd)});
  return {};
}

Status FaultyFs::write_at(int fd, ByteView bytes, uint64_t offset) {
  if (!has_room(fd, offset + bytes.size())) return Error::io("the test's disk is full", ENOSPC);
  const bool was_stopped = stopped();
  Status status = step();
  // The call at which the world stops may have done a part of its work.
  if (!status.ok() && was_stopped) return status;
  if (!status.ok()) bytes = bytes.first(bytes.size() / 2);
  INQ_TRY_STATUS(os::real_fs().write_at(fd, bytes, offset));
  journal_.push_back({.kind = Operation::Kind::kWrite,
                      .node = node_of(fd),
                      .offset = offset,
                      .bytes = Bytes(bytes.begin(), bytes.end())});
  return status;
}

Status FaultyFs::sync(int fd) {
  INQ_TRY_STATUS(step());
  journal_.push_back({.kind = Operation::Kind::kSync, .node = node_of(fd)});
  return {};
}

Status FaultyFs::truncate(int fd, uint64_t size) {
  INQ_TRY_STATUS(step());
  INQ_TRY_STATUS(os::real_fs().truncate(fd, size));
  journal_.push_back({.kind = Operation::Kind::kTruncate, .node = node_of(fd), .offset = size});
  return {};
}

Status FaultyFs::reserve(int fd, uint64_t offset, uint64_t size) {
  INQ_TRY_STATUS(step());
  if (!has_room(fd, offset + size)) return Error::io("the test's disk is full", ENOSPC);
  INQ_TRY_STATUS(os::real_fs().reserve(fd, offset, size));
  uint64_t& reserved = reserved_[inode_of(fd)];
  reserved = std::max(reserved, offset + size);
  return {};
}

Status FaultyFs::rename_at(int directory, const std::string& from, const std::string& to) {
  INQ_TRY_STATUS(step());
  const auto moved = nodes_.find(inode_at(directory, from));
  INQ_TRY_STATUS(os::real_fs().rename_at(directory, from, to));
  INQ_CHECK(moved != nodes_.end());
  journal_.push_back({.kind = Operation::Kind::kName,
                      .node = node_of(directory),
                      .name = to,
                      .from = from,
                      .named = moved->second});
  return {};
}

Status FaultyFs::unlink_at(int directory, const std::string& name) {
  INQ_TRY_STATUS(step());
  INQ_TRY_STATUS(os::real_fs().unlink_at(directory, name));
  journal_.push_back({.kind = Operation::Kind::kUnname, .node = node_of(directory), .name = name});
  return {};
}

Status FaultyFs::make_directory_at(int directory, const std::string& name, unsigned mode) {
  if (inode_at(directory, name) != 0) return {};
  INQ_TRY_STATUS(step());
  INQ_TRY_STATUS(os::real_fs().make_directory_at(directory, name, mode));
  INQ_TRY(const os::Fd made, os::real_fs().open_at(directory, name, O_RDONLY | O_DIRECTORY, 0));
  journal_.push_back({.kind = Operation::Kind::kName,
                      .node = node_of(directory),
                      .name = name,
                      .named = new_node(made.get(), true)});
  return {};
}

std::map<uint64_t, FaultyFs::Node> FaultyFs::replay(Unsynced unsynced, uint32_t seed) const {
  std::mt19937 random(seed);
  // Which operations a later sync of the same node made durable.
  std::vector<bool> durable(journal_.size());
  std::set<uint64_t> synced;
  for (size_t i = journal_.size(); i-- > 0;) {
    if (journal_[i].kind == Operation::Kind::kSync) synced.insert(journal_[i].node);
    durable[i] = synced.contains(journal_[i].node);
  }
  std::map<uint64_t, Node> world;
  for (const auto& [node, is_directory] : is_directory_) world[node].is_directory = is_directory;
  for (size_t i = 0; i < journal_.size(); ++i) {
    const Operation& operation = journal_[i];
    if (!durable[i] && unsynced == Unsynced::kLost) continue;
    const bool mixed = !durable[i] && unsynced == Unsynced::kMixed;
    if (mixed && random() % 2 == 0) continue;
    Node& node = world[operation.node];
    switch (operation.kind) {
      case Operation::Kind::kWrite: {
        const size_t size =
            mixed ? random() % (operation.bytes.size() + 1) : operation.bytes.size();
        node.content.resize(std::max(node.content.size(), operation.offset + size));
        std::copy_n(operation.bytes.begin(), size,
                    node.content.begin() + static_cast<std::ptrdiff_t>(operation.offset));
        break;
      }
      case Operation::Kind::kTruncate:
        node.content.resize(operation.offset);
        break;
      case Operation::Kind::kName:
        if (!operation.from.empty()) node.names.erase(operation.from);
        node.names[operation.name] = operation.named;
        break;
      case Operation::Kind::kUnname:
        node.names.erase(operation.name);
        break;
      case Operation::Kind::kSync:
        break;
    }
  }
  return world;
}

void FaultyFs::lose_power(const std::string& directory, Unsynced unsynced, uint32_t seed) const {
  std::map<uint64_t, Node> world = replay(unsynced, seed);
  INQ_CHECK(::mkdir(directory.c_str(), 0700) == 0);
  struct stat info = {};
  if (::stat(root_.c_str(), &info) != 0) return;
  const auto root = nodes_.find(info.st_ino);
  if (root == nodes_.end()) return;
  std::vector<std::pair<uint64_t, std::string>> left = {{root->second, directory}};
  while (!left.empty()) {
    const auto [node, path] = left.back();
    left.pop_back();
    for (const auto& [name, named] : world[node].names) {
      const std::string below = path + "/" + name;
      if (world[named].is_directory) {
        INQ_CHECK(::mkdir(below.c_str(), 0700) == 0);
        left.emplace_back(named, below);
      } else {
        write_file(below, world[named].content);
      }
    }
  }
}

}  // namespace inquest::testing
