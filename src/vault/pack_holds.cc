#include "vault/pack_holds.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <utility>

namespace inquest::vault {

bool PackHolds::hold(const std::string& name) {
  if (held_.contains(name)) return true;
  if (held_.size() >= kMaxPackHolds) return false;
  auto fd = fs_->open_at(packs_, name, O_RDONLY | O_NONBLOCK, 0);
  if (!fd.ok() || ::flock(fd->get(), LOCK_SH | LOCK_NB) != 0) return false;
  // Removed between the two: then it has no name any more.
  struct stat info = {};
  if (::fstat(fd->get(), &info) != 0 || info.st_nlink == 0) return false;
  held_.emplace(name, std::move(*fd));
  return true;
}

std::optional<os::Fd> hold_to_remove(os::Fs& fs, int packs, const std::string& name) {
  auto fd = fs.open_at(packs, name, O_RDONLY | O_NONBLOCK, 0);
  if (!fd.ok() || ::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) return std::nullopt;
  return std::move(*fd);
}

}  // namespace inquest::vault
