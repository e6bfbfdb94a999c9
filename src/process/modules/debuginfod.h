// Debuginfod: binaries and debug files by build-id from the servers of DEBUGINFOD_URLS, kept in a
// cache on disk.
//
// The cache is laid out as elfutils' is (BUILDID/debuginfo, BUILDID/executable), and elfutils' own
// is read too. A server that cannot be reached is not asked again by this object; "not found" is
// remembered on disk for ten minutes.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/build_id.h"
#include "process/image/process_image.h"
#include "process/modules/modules.h"

namespace inquest::process {

class Debuginfod {
 public:
  // Reads DEBUGINFOD_URLS, DEBUGINFOD_TIMEOUT, DEBUGINFOD_MAXSIZE and DEBUGINFOD_CACHE_PATH.
  explicit Debuginfod(const ModuleOptions& options);

  enum class Kind { kExecutable, kDebugInfo };
  // The path of a file in the cache, fetched if need be; nullopt when no server has it. Blocking.
  std::optional<std::string> find(const BuildId& id, Kind kind);

  // Servers that could not be reached, files that were refused.
  std::vector<Note> notes() const;

 private:
  struct Server {
    std::string url;
    bool dead = false;
  };

  std::optional<std::string> cached(const BuildId& id, std::string_view name) const;
  bool known_missing(const std::string& path) const;
  bool fetch(Server& server, const BuildId& id, std::string_view name, const std::string& path);

  std::vector<Server> servers_;
  std::string cache_;  // ours; empty: nothing can be kept, so nothing is fetched
  std::vector<std::string> other_caches_;  // only read
  std::chrono::seconds timeout_{90};
  uint64_t max_size_ = uint64_t{4} << 30;
  mutable std::mutex mutex_;  // one transfer at a time
  std::vector<Note> notes_;
};

}  // namespace inquest::process
