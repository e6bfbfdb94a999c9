#include "capture/record/remote_memory.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace inquest::capture {
namespace {

constexpr size_t kBatch = 256;  // pages a call; IOV_MAX is 1024

}  // namespace

RemoteMemory::RemoteMemory(const Proc& process)
    : pid_(process.pid()), pidfd_(::fcntl(process.pidfd(), F_DUPFD_CLOEXEC, 0)) {
  if (auto fd = process.open_file("mem", O_RDONLY); fd.ok()) mem_ = std::move(*fd);
  if (auto fd = process.open_file("pagemap", O_RDONLY); fd.ok()) pagemap_ = std::move(*fd);
}

bool RemoteMemory::is_alive() const {
  pollfd waiting{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  return pidfd_.valid() && ::poll(&waiting, 1, 0) == 0;
}

size_t RemoteMemory::read(Address address, std::span<uint8_t> into) const {
  iovec local{.iov_base = into.data(), .iov_len = into.size()};
  iovec remote{.iov_base = reinterpret_cast<void*>(address.value), .iov_len = into.size()};
  ssize_t got = ::process_vm_readv(pid_, &local, 1, &remote, 1, 0);
  if (got == static_cast<ssize_t>(into.size())) return into.size();
  // Pages without read permission, or a system call that is filtered away.
  if (mem_.valid())
    got = ::pread(mem_.get(), into.data(), into.size(), static_cast<off_t>(address.value));
  return static_cast<size_t>(std::max<ssize_t>(got, 0));
}

size_t RemoteMemory::read_pages(std::span<const Address> pages, PageStore& store) const {
  size_t done = 0;
  std::array<uint8_t, kPage> single;
  std::vector<uint8_t> buffer(std::min(kBatch, pages.size()) * kPage);
  while (!pages.empty()) {
    const size_t count = std::min(kBatch, pages.size());
    std::array<iovec, kBatch> remote;
    for (size_t i = 0; i < count; ++i) {
      remote[i] = {.iov_base = reinterpret_cast<void*>(pages[i].value), .iov_len = kPage};
    }
    const iovec local{.iov_base = buffer.data(), .iov_len = count * kPage};
    const ssize_t got = ::process_vm_readv(pid_, &local, 1, remote.data(), count, 0);
    const size_t whole = got > 0 ? static_cast<size_t>(got) / kPage : 0;
    for (size_t i = 0; i < whole; ++i) {
      store.add(pages[i], ByteView(buffer).subspan(i * kPage, kPage));
    }
    done += whole;
    pages = pages.subspan(whole);
    if (whole == count) continue;
    // The next page stopped it.
    if (read(pages.front(), single) == kPage) {
      store.add(pages.front(), single);
      ++done;
    }
    pages = pages.subspan(1);
  }
  return done;
}

std::vector<bool> RemoteMemory::written(Address page, size_t count) const {
  std::vector<bool> result(count, false);
  std::vector<uint64_t> entries(count);
  if (!pagemap_.valid()) return result;
  const ssize_t got = ::pread(pagemap_.get(), entries.data(), count * sizeof(uint64_t),
                              static_cast<off_t>(page.value / kPage * sizeof(uint64_t)));
  const size_t known = got > 0 ? static_cast<size_t>(got) / sizeof(uint64_t) : 0;
  for (size_t i = 0; i < known; ++i) result[i] = is_written_page(entries[i]);
  return result;
}

}  // namespace inquest::capture
