// RemoteMemory: reads memory of a stopped process, many pages in one system call.
#pragma once

#include <span>
#include <vector>

#include "capture/record/page_store.h"
#include "capture/record/proc.h"

namespace inquest::capture {

class RemoteMemory {
 public:
  // `process` must outlive it.
  explicit RemoteMemory(const Proc& process);
  RemoteMemory(RemoteMemory&&) = default;

  // Reads `pages` (aligned, not in `store` yet) into `store`; those that cannot be read are left
  // out. Returns how many were read.
  size_t read_pages(std::span<const Address> pages, PageStore& store) const;
  // Reads bytes; fewer when the rest is not readable.
  size_t read(Address address, std::span<uint8_t> into) const;
  template <typename T>
  std::optional<T> load(Address address) const {
    T value;
    const size_t got = read(address, {reinterpret_cast<uint8_t*>(&value), sizeof(T)});
    return got == sizeof(T) ? std::optional<T>(value) : std::nullopt;
  }
  // False once the process has ended: what was read since then is nobody's, or another's.
  bool is_alive() const;
  // /proc/PID/mem, or -1 when it may not be opened.
  int mem_fd() const { return mem_.get(); }
  // /proc/PID/pagemap, or -1.
  int pagemap_fd() const { return pagemap_.get(); }
  // Of `count` pages from `page` on: was the page written to (private copy of a file's page, or
  // anonymous memory that exists)? Unknown counts as not.
  std::vector<bool> written(Address page, size_t count) const;

 private:
  pid_t pid_;
  os::Fd pidfd_;
  os::Fd mem_;
  os::Fd pagemap_;
};

// What /proc/PID/pagemap says of a page: in memory or swapped, and no page of a file.
constexpr bool is_written_page(uint64_t entry) {
  constexpr uint64_t kPresent = uint64_t{1} << 63, kSwapped = uint64_t{1} << 62,
                     kOfFile = uint64_t{1} << 61;
  return (entry & (kPresent | kSwapped)) != 0 && (entry & kOfFile) == 0;
}

}  // namespace inquest::capture
