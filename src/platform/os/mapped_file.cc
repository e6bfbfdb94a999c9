#include "platform/os/mapped_file.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace inquest::os {

namespace {
constexpr uint64_t kPage = 4096;
}

Result<FileIdentity> identify(int fd) {
  struct stat info = {};
  if (::fstat(fd, &info) != 0) return Error::io("cannot examine a file", errno);
  return FileIdentity{.device = info.st_dev,
                      .inode = info.st_ino,
                      .size = static_cast<uint64_t>(info.st_size),
                      .modified_ns = info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec};
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      identity_(std::exchange(other.identity_, {})),
      path_(std::move(other.path_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    unmap();
    data_ = std::exchange(other.data_, nullptr);
    identity_ = std::exchange(other.identity_, {});
    path_ = std::move(other.path_);
  }
  return *this;
}

MappedFile::~MappedFile() { unmap(); }

void MappedFile::unmap() {
  if (data_ != nullptr) ::munmap(data_, identity_.size);
  data_ = nullptr;
}

Result<MappedFile> MappedFile::open(const std::string& path, Access access) {
  INQ_TRY(Fd fd, open_regular_file(path));
  return from_fd(fd, path, access);
}

Result<MappedFile> MappedFile::from_fd(const Fd& fd, std::string name, Access access) {
  auto identity = identify(fd.get());
  if (!identity) return std::move(identity).error().with_context(name);
  MappedFile file;
  file.identity_ = *identity;
  file.path_ = std::move(name);
  if (file.identity_.size == 0) return file;
  // MAP_PRIVATE: the view stays ours to read; MAP_NORESERVE: 20 GiB of address space is not 20 GiB
  // of memory.
  void* start =
      ::mmap(nullptr, file.identity_.size, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, fd.get(), 0);
  if (start == MAP_FAILED) {
    const int error = errno;
    return Error::io("cannot map " + file.path_, error);
  }
  file.data_ = static_cast<uint8_t*>(start);
  ::madvise(start, file.identity_.size, access == Access::kRandom ? MADV_RANDOM : MADV_SEQUENTIAL);
  return file;
}

void MappedFile::advise(uint64_t offset, uint64_t size, int advice) const {
  if (data_ == nullptr || offset >= identity_.size) return;
  const uint64_t end = offset + std::min(size, identity_.size - offset);
  const uint64_t start = offset & ~(kPage - 1);
  ::madvise(data_ + start, end - start, advice);
}

void MappedFile::prefetch(uint64_t offset, uint64_t size) const {
  advise(offset, size, MADV_WILLNEED);
}

void MappedFile::release(uint64_t offset, uint64_t size) const {
  advise(offset, size, MADV_DONTNEED);
}

}  // namespace inquest::os
