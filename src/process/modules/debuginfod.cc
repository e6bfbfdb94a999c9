#include "process/modules/debuginfod.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "platform/net/http.h"
#include "platform/os/directories.h"
#include "platform/os/fd.h"
#include "platform/os/file.h"
#include "process/modules/opened_file.h"

namespace inquest::process {
namespace {

constexpr size_t kMaxServers = 16;
constexpr std::time_t kMissingForSeconds = 600;
constexpr int kNotFound = 404;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::optional<uint64_t> number_in(const char* name) {
  const std::string text = environment(name);
  uint64_t value = 0;
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

std::vector<std::string> elfutils_caches() {
  std::vector<std::string> caches;
  const std::string cache = environment("DEBUGINFOD_CACHE_PATH");
  const std::string xdg = environment("XDG_CACHE_HOME");
  const std::string home = os::home_directory();
  if (!cache.empty()) caches.push_back(cache);
  if (xdg.starts_with('/')) caches.push_back(xdg + "/debuginfod_client");
  if (!home.empty()) {
    caches.push_back(home + "/.cache/debuginfod_client");
    caches.push_back(home + "/.debuginfod_client_cache");
  }
  return caches;
}

bool has_content(const std::string& path) {
  struct stat info = {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0;
}

}  // namespace

Debuginfod::Debuginfod(const ModuleOptions& options) {
  if (!options.use_debuginfod) return;
  const std::string urls =
      options.debuginfod_urls.empty() ? environment("DEBUGINFOD_URLS") : options.debuginfod_urls;
  size_t start = 0;
  while (start < urls.size() && servers_.size() < kMaxServers) {
    const size_t end = std::min(urls.find_first_of(" \t\n", start), urls.size());
    std::string url = urls.substr(start, end - start);
    while (url.ends_with('/')) url.pop_back();
    if (url.starts_with("http://") || url.starts_with("https://")) servers_.push_back({url, false});
    start = end + 1;
  }
  if (servers_.empty()) return;
  cache_ = options.debuginfod_cache;
  if (cache_.empty()) {
    const std::string own = os::cache_directory();
    if (!own.empty()) cache_ = own + "/debuginfod";
    other_caches_ = elfutils_caches();
  }
  timeout_ = std::chrono::seconds(number_in("DEBUGINFOD_TIMEOUT").value_or(90));
  max_size_ = number_in("DEBUGINFOD_MAXSIZE").value_or(max_size_);
}

std::optional<std::string> Debuginfod::cached(const BuildId& id, std::string_view name) const {
  const std::string inside = fmt::format("/{}/{}", id.hex(), name);
  if (has_content(cache_ + inside)) return cache_ + inside;
  for (const std::string& cache : other_caches_) {
    if (has_content(cache + inside)) return cache + inside;
  }
  return std::nullopt;
}

bool Debuginfod::known_missing(const std::string& path) const {
  struct stat info = {};
  return ::stat(path.c_str(), &info) == 0 && info.st_size == 0 &&
         std::time(nullptr) - info.st_mtime < kMissingForSeconds;
}

std::optional<std::string> Debuginfod::find(const BuildId& id, Kind kind) {
  if (servers_.empty() || cache_.empty() || id.bytes().size() < 8) return std::nullopt;
  const std::string_view name = kind == Kind::kExecutable ? "executable" : "debuginfo";
  const std::lock_guard lock(mutex_);
  if (auto path = cached(id, name)) return path;
  const std::string path = fmt::format("{}/{}/{}", cache_, id.hex(), name);
  if (known_missing(path)) return std::nullopt;
  if (!os::make_directories(cache_ + "/" + id.hex()).ok()) return std::nullopt;
  bool all_answered = true;
  for (Server& server : servers_) {
    if (!server.dead && fetch(server, id, name, path)) return path;
    all_answered = all_answered && !server.dead;
  }
  // An empty file says: not there. Failing to write it costs another question, no more.
  if (all_answered) static_cast<void>(os::write_file_atomic(path, {}).ok());
  return std::nullopt;
}

bool Debuginfod::fetch(Server& server, const BuildId& id, std::string_view name,
                       const std::string& path) {
  const std::string partial = fmt::format("{}.{}.part", path, ::getpid());
  bool kept = false;
  if (auto fd = os::create_file(partial, 0600); fd.ok()) {
    net::HttpOptions options;
    options.stall_timeout = timeout_;
    options.connect_timeout =
        std::min<std::chrono::milliseconds>(options.connect_timeout, timeout_);
    options.max_bytes = max_size_;
    const std::string url = fmt::format("{}/buildid/{}/{}", server.url, id.hex(), name);
    const auto response = net::http_download(url, fd->get(), options);
    if (!response.ok() || (!response->success() && response->status != kNotFound)) {
      server.dead = response.ok() || response.error().code() != ErrorCode::kTooLarge;
      notes_.push_back({response.ok()
                            ? fmt::format("debuginfod: {}: HTTP status {}", url, response->status)
                            : fmt::format("debuginfod: {}", response.error().message()),
                        "check DEBUGINFOD_URLS and the network, or unset DEBUGINFOD_URLS"});
    } else if (response->success()) {
      const auto file = OpenedFile::open(partial);
      if (file.ok() && (*file)->build_id() == id) {
        kept = std::rename(partial.c_str(), path.c_str()) == 0;
      } else {
        notes_.push_back(
            {fmt::format("debuginfod: {} answered a file that is not {}", url, id.hex()),
             "do not trust this server"});
      }
    }
  }
  if (!kept) ::unlink(partial.c_str());
  return kept;
}

std::vector<Note> Debuginfod::notes() const {
  const std::lock_guard lock(mutex_);
  return notes_;
}

}  // namespace inquest::process
