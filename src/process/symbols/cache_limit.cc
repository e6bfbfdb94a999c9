#include "process/symbols/cache_limit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <optional>
#include <system_error>
#include <tuple>
#include <vector>

#include "platform/os/fd.h"

namespace inquest::process {
namespace {

constexpr time_t kHour = 3600;
constexpr time_t kDay = 24 * kHour;

struct Indexed {
  time_t used = 0;
  std::string path;
  uint64_t bytes = 0;
  // Equally old ones in a certain order.
  bool operator<(const Indexed& other) const {
    return std::tie(used, path) < std::tie(other.used, other.path);
  }
};

std::optional<struct stat> regular_file(const std::string& path) {
  struct stat status = {};
  if (lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return status;
}

// The indexes below; remains of killed writers ("….idx.1234") are deleted on the way.
std::vector<Indexed> indexes(const std::string& cache_dir) {
  namespace fs = std::filesystem;
  constexpr uint64_t kBlock = 512;
  const time_t now = time(nullptr);
  std::vector<Indexed> found;
  std::error_code ignored;
  for (fs::directory_iterator outer(cache_dir, ignored), end; outer != end;
       outer.increment(ignored)) {
    if (!outer->is_directory(ignored)) continue;
    for (fs::directory_iterator inner(outer->path(), ignored); inner != end;
         inner.increment(ignored)) {
      const std::string path = inner->path().string();
      const auto status = regular_file(path);
      if (!status) continue;
      if (path.ends_with(".idx")) {
        found.push_back(
            {status->st_mtime, path, static_cast<uint64_t>(status->st_blocks) * kBlock});
      } else if (path.find(".idx.") != std::string::npos && now - status->st_mtime > kHour) {
        unlink(path.c_str());
      }
    }
  }
  return found;
}

}  // namespace

void limit_cache(const std::string& cache_dir, uint64_t max_bytes) {
  std::vector<Indexed> files = indexes(cache_dir);
  uint64_t total = 0;
  for (const Indexed& file : files) total += file.bytes;
  if (total <= max_bytes) return;
  std::sort(files.begin(), files.end());
  for (const Indexed& file : files) {
    if (total <= max_bytes / 4 * 3) return;
    if (unlink(file.path.c_str()) == 0) total -= file.bytes;
  }
}

void limit_cache_sometimes(const std::string& cache_dir, uint64_t max_bytes) {
  const std::string stamp = cache_dir + "/limited";
  const auto last = regular_file(stamp);
  const time_t now = time(nullptr);
  if (last && now >= last->st_mtime && now - last->st_mtime < kHour) return;
  // The stamp first: others need not do the same meanwhile.
  const os::Fd fd(open(stamp.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid() || futimens(fd.get(), nullptr) != 0) return;
  if (last) limit_cache(cache_dir, max_bytes);  // there is nothing much in a new directory
}

void mark_used(const std::string& path) {
  const auto status = regular_file(path);
  if (status && time(nullptr) - status->st_mtime > kDay)
    utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
}

}  // namespace inquest::process
