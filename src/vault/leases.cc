#include "vault/leases.h"

#include <fcntl.h>

#include <cerrno>
#include <string>

#include "vault/directory.h"

namespace inquest::vault {
namespace {

constexpr const char* kName = "leases";

// Two cases may share a byte: then one is taken to be in use with the other, which does no harm.
struct flock byte_of(const CaseId& id, short type) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  const uint64_t place = std::strtoull(id.substr(0, 15).c_str(), nullptr, 16);
  lock.l_start = static_cast<off_t>(place);
  lock.l_len = 1;
  return lock;
}

}  // namespace

Result<Leases> Leases::open(os::Fs& fs, int directory, bool create,
                            std::chrono::milliseconds patience) {
  if (create) {
    INQ_TRY(const os::Fd fd, fs.open_at(directory, kName, O_RDWR | O_CREAT));
  }
  return Leases(fs, directory, patience);
}

Result<os::Fd> Leases::lock(const CaseId& id, short type,
                            std::chrono::milliseconds patience) const {
  INQ_TRY(os::Fd fd, fs_->open_at(directory_, kName, O_RDWR));
  struct flock lock = byte_of(id, type);
  INQ_TRY_STATUS(
      wait_for_lock([&] { return ::fcntl(fd.get(), F_OFD_SETLK, &lock); }, patience, "case " + id));
  return fd;
}

Result<os::Fd> Leases::hold(const CaseId& id) const { return lock(id, F_RDLCK, patience_); }

Result<os::Fd> Leases::exclude(const CaseId& id) const { return lock(id, F_WRLCK, {}); }

bool Leases::is_held(const CaseId& id) const {
  const auto fd = fs_->open_at(directory_, kName, O_RDWR);
  if (!fd.ok()) return false;
  struct flock lock = byte_of(id, F_WRLCK);
  return ::fcntl(fd->get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace inquest::vault
