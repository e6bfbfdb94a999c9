#include "vault/index.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

namespace inquest::vault {
namespace {

constexpr const char* kName = "index";
constexpr const char* kNewName = "index.new";
constexpr uint64_t kMaxIndexBytes = uint64_t{4} << 30;

}  // namespace

Result<Index> Index::open(os::Fs& fs, int directory, bool create, uint64_t reserve) {
  Index index(fs, directory, reserve);
  Status opened = index.reopen();
  if (!opened.ok() && opened.error().code() == ErrorCode::kNotFound && create) {
    INQ_TRY_STATUS(index.create_file());
    opened = index.reopen();
  }
  if (!opened.ok()) return std::move(opened).error();
  return index;
}

// Written under another name first: an index without its header never bears the name. Two that do
// so at once write the same bytes.
Status Index::create_file() {
  INQ_TRY(const os::Fd fd, fs_->open_at(directory_, kNewName, O_RDWR | O_CREAT));
  INQ_TRY_STATUS(fs_->write_at(fd.get(), index_header(), 0));
  INQ_TRY_STATUS(fs_->truncate(fd.get(), kIndexHeaderBytes));
  INQ_TRY_STATUS(fs_->sync(fd.get()));
  INQ_TRY_STATUS(fs_->rename_at(directory_, kNewName, kName));
  return fs_->sync(directory_);
}

Status Index::reopen() {
  auto fd = fs_->open_at(directory_, kName, O_RDWR);
  if (!fd.ok() && fd.error().code() != ErrorCode::kNotFound) {
    fd = fs_->open_at(directory_, kName, O_RDONLY);  // a vault on a read-only file system
  }
  if (!fd.ok()) return std::move(fd).error();
  struct stat info = {};
  if (::fstat(fd->get(), &info) != 0) return Error::io("cannot examine the index", errno);
  if (!S_ISREG(info.st_mode)) return Error(ErrorCode::kCorrupt, "the index is no regular file");
  Bytes header(kIndexHeaderBytes);
  INQ_TRY(const size_t got, os::pread_some(fd->get(), header, 0));
  INQ_TRY_STATUS(check_index_header(ByteView(header).first(got)));
  fd_ = std::move(*fd);
  inode_ = info.st_ino;
  end_ = seen_size_ = reserved_end_ = kIndexHeaderBytes;
  damaged_ = 0;
  return {};
}

Result<bool> Index::was_replaced() const {
  struct stat info = {};
  if (::fstatat(directory_, kName, &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return Error::io("cannot examine the index", errno);
  }
  return info.st_ino != inode_;
}

Status Index::catch_up(const std::function<void()>& restart, const Visit& visit) {
  INQ_TRY(const bool replaced, was_replaced());
  struct stat info = {};
  if (::fstat(fd_.get(), &info) != 0) return Error::io("cannot examine the index", errno);
  // Shorter than what was read: a frame that could not be synced was taken back by its writer.
  if (replaced || static_cast<uint64_t>(info.st_size) < end_) {
    INQ_TRY_STATUS(reopen());
    restart();
    if (::fstat(fd_.get(), &info) != 0) return Error::io("cannot examine the index", errno);
  }
  const auto size = static_cast<uint64_t>(info.st_size);
  if (size > kMaxIndexBytes) return Error(ErrorCode::kTooLarge, "the index is too large");
  seen_size_ = size;
  if (size <= end_) return {};
  Bytes fresh(size - end_);
  INQ_TRY(const size_t got, os::pread_some(fd_.get(), fresh, end_));
  const FrameScan scan = scan_frames(ByteView(fresh).first(got), end_, visit);
  end_ = scan.end;
  damaged_ += scan.damaged;
  return {};
}

Status Index::append(std::string_view payload) {
  if (payload.size() > kMaxFrameBytes) {
    return Error(ErrorCode::kTooLarge, "the case has too many parts for the index");
  }
  if (seen_size_ > end_) {
    // A writer died here. Nobody was told that this frame is kept.
    INQ_TRY_STATUS(fs_->truncate(fd_.get(), end_));
    seen_size_ = end_;
  }
  Bytes frame;
  append_frame(frame, payload, end_);
  room_is_scarce();
  Status written = fs_->write_at(fd_.get(), frame, end_);
  if (written.ok()) written = fs_->sync(fd_.get());
  if (!written.ok()) {
    // What stands there now was not acknowledged; if cutting fails too, the next writer cuts.
    const Status cut = fs_->truncate(fd_.get(), end_);
    seen_size_ = cut.ok() ? end_ : end_ + 1;
    return written;
  }
  end_ += frame.size();
  seen_size_ = end_;
  return {};
}

bool Index::room_is_scarce() {
  // Not at each call: a quarter of the reserve at a time.
  if (reserve_ == 0 || reserved_end_ >= end_ + reserve_ - reserve_ / 4) return false;
  const Status reserved = fs_->reserve(fd_.get(), end_, reserve_);
  if (reserved.ok()) reserved_end_ = end_ + reserve_;
  // A file system that cannot reserve room leaves it to luck.
  return !reserved.ok() && reserved.error().sys_errno() != EOPNOTSUPP;
}

Status Index::rewrite(const std::vector<std::string>& payloads,
                      const std::function<Status()>& before) {
  Bytes content = index_header();
  for (const std::string& payload : payloads) append_frame(content, payload, content.size());
  {
    INQ_TRY(const os::Fd fd, fs_->open_at(directory_, kNewName, O_RDWR | O_CREAT | O_TRUNC));
    INQ_TRY_STATUS(fs_->reserve(fd.get(), 0, content.size() + reserve_));
    INQ_TRY_STATUS(fs_->write_at(fd.get(), content, 0));
    INQ_TRY_STATUS(fs_->sync(fd.get()));
  }
  INQ_TRY_STATUS(before());
  INQ_TRY_STATUS(fs_->rename_at(directory_, kNewName, kName));
  INQ_TRY_STATUS(fs_->sync(directory_));
  INQ_TRY_STATUS(reopen());
  end_ = seen_size_ = content.size();
  reserved_end_ = end_ + reserve_;
  return {};
}

}  // namespace inquest::vault
