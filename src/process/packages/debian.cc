#include "process/packages/debian.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

#include "base/words.h"
#include "platform/os/file.h"

namespace inquest::packages {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxList = 64 << 20;
constexpr size_t kMaxStatus = 256 << 20;
constexpr size_t kMaxLists = 100'000;

// Where packages put files. Others are never in a list, and the lists need not be read for them.
constexpr std::array<std::string_view, 6> kPlaces = {"/usr/",  "/lib",  "/bin/",
                                                     "/sbin/", "/opt/", "/etc/"};

// Since /lib became a link to /usr/lib, what the process maps and what a list says differ.
std::optional<std::string> other_spelling(std::string_view path) {
  for (const std::string_view directory : {"/lib", "/bin/", "/sbin/"}) {
    if (path.starts_with(directory)) return "/usr" + std::string(path);
    if (path.starts_with("/usr") && path.substr(4).starts_with(directory))
      return std::string(path.substr(4));
  }
  return std::nullopt;
}

using Wanted = std::unordered_map<std::string, std::string>;  // as a list has it → as asked

Wanted wanted_of(const std::vector<std::string>& paths) {
  Wanted wanted;
  for (const std::string& path : paths) {
    const bool may_be = std::ranges::any_of(
        kPlaces, [&](std::string_view place) { return path.starts_with(place); });
    if (!may_be) continue;
    wanted.emplace(path, path);
    if (auto other = other_spelling(path)) wanted.emplace(std::move(*other), path);
  }
  return wanted;
}

class Search {
 public:
  Search(const std::string& root, Wanted wanted) : root_(root), wanted_(std::move(wanted)) {
    for (const auto& [path, asked] : wanted_)
      lengths_[std::min(path.size(), lengths_.size() - 1)] = true;
  }

  std::unordered_map<std::string, Package> run() && {
    if (wanted_.empty()) return {};
    read_lists("/var/lib/dpkg/info", ".list");
    if (!found_.empty()) {
      add_versions();
    } else {
      read_lists("/var/lib/dpkg/status.d", ".md5sums");
      add_versions_of_images();
    }
    return std::move(found_);
  }

 private:
  void read_lists(const std::string& directory, std::string_view suffix) {
    std::error_code failure;
    size_t count = 0;
    for (fs::directory_iterator file(root_ + directory, failure), end;
         !failure && file != end && count < kMaxLists; file.increment(failure), ++count) {
      const std::string name = file->path().filename().string();
      if (!name.ends_with(suffix)) continue;
      if (const auto text = os::read_text_file(file->path().string(), kMaxList); text.ok())
        search(*text, name.substr(0, name.size() - suffix.size()));
    }
  }

  void search(std::string_view text, const std::string& package) {
    std::string path;
    while (!text.empty()) {
      std::string_view line = take_line(text);
      // "HASH  usr/lib/x": without the slash that a list has.
      const bool is_sum = !line.starts_with('/');
      if (is_sum) line = line.substr(std::min(line.find("  ") + 2, line.size()));
      const size_t length = line.size() + (is_sum ? 1 : 0);
      if (!lengths_[std::min(length, lengths_.size() - 1)]) continue;
      path.assign(is_sum ? "/" : "").append(line);
      const auto match = wanted_.find(path);
      if (match == wanted_.end()) continue;
      found_.emplace(match->second,
                     Package{.manager = Manager::kDebian, .name = package, .version = {}});
    }
  }

  void add_versions() {
    const auto status = os::read_text_file(root_ + "/var/lib/dpkg/status", kMaxStatus);
    for (auto& [path, package] : found_) {
      if (status.ok()) package.version = dpkg_version(*status, package.name);
      package.name = package.name.substr(0, package.name.find(':'));
    }
  }

  void add_versions_of_images() {
    for (auto& [path, package] : found_) {
      const auto status =
          os::read_text_file(root_ + "/var/lib/dpkg/status.d/" + package.name, kMaxList);
      if (status.ok()) package.version = dpkg_version(*status, package.name);
    }
  }

  const std::string& root_;
  Wanted wanted_;
  // Of how many bytes there is a path: most lines need no more than that. The last is for all
  // above.
  std::array<bool, 256> lengths_ = {};
  std::unordered_map<std::string, Package> found_;
};

struct Stanza {
  std::string_view package, version, architecture;
};

// Of one paragraph; `text` goes on behind it.
Stanza take_stanza(std::string_view& text) {
  Stanza stanza;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) break;
    const auto value = [&](std::string_view key) {
      return line.starts_with(key) ? line.substr(key.size()) : std::string_view();
    };
    if (const auto name = value("Package: "); !name.empty()) stanza.package = name;
    if (const auto version = value("Version: "); !version.empty()) stanza.version = version;
    if (const auto arch = value("Architecture: "); !arch.empty()) stanza.architecture = arch;
  }
  return stanza;
}

}  // namespace

std::string dpkg_version(std::string_view status, std::string_view package) {
  const size_t colon = package.find(':');
  const std::string_view name = package.substr(0, colon);
  const std::string_view arch =
      colon == std::string_view::npos ? std::string_view() : package.substr(colon + 1);
  const std::string head = "Package: " + std::string(name) + "\n";
  for (size_t at = status.find(head); at != std::string_view::npos;
       at = status.find(head, at + head.size())) {
    if (at != 0 && status[at - 1] != '\n') continue;
    std::string_view rest = status.substr(at);
    const Stanza stanza = take_stanza(rest);
    if (arch.empty() || stanza.architecture == arch) return std::string(stanza.version);
  }
  return {};
}

std::unordered_map<std::string, Package> DebianPackages::owners_of(
    const std::vector<std::string>& paths) {
  std::vector<std::string> unknown;
  for (const std::string& path : paths)
    if (!known_.contains(path)) unknown.push_back(path);
  Wanted wanted = wanted_of(unknown);
  if (!wanted.empty() && passes_ < kMaxPasses) {
    ++passes_;
    for (const std::string& path : unknown) known_.emplace(path, std::nullopt);
    for (auto& [path, package] : Search(root_, std::move(wanted)).run()) known_[path] = package;
  }
  std::unordered_map<std::string, Package> owners;
  for (const std::string& path : paths) {
    const auto known = known_.find(path);
    if (known != known_.end() && known->second) owners.emplace(path, *known->second);
  }
  return owners;
}

}  // namespace inquest::packages
