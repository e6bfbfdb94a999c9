#include "lab/audit/package.h"

#include <filesystem>

#include "base/words.h"
#include "platform/json/value.h"
#include "platform/os/file.h"

namespace inquest::audit {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxManifest = 4 << 20, kMaxRecord = 64 << 20;

std::vector<std::string> words_of(const json::JsonValue& manifest, std::string_view name) {
  std::vector<std::string> words;
  const json::JsonValue* value = manifest.find(name);
  if (value == nullptr) return words;
  if (value->string() != nullptr) words.push_back(*value->string());
  if (value->array() != nullptr) {
    for (const json::JsonValue& word : *value->array())
      if (word.string() != nullptr) words.push_back(*word.string());
  }
  return words;
}

// Those without a name are no packages: they only say how their folder is to be read.
std::optional<Package> read_manifest(const fs::path& directory) {
  const auto text = os::read_text_file(directory / "package.json", kMaxManifest);
  if (!text.ok()) return std::nullopt;
  const auto manifest = json::parse_json(*text, {.max_size = kMaxManifest});
  if (!manifest.ok() || manifest->text("name").empty()) return std::nullopt;
  return Package{.manager = Package::Manager::kNpm,
                 .name = manifest->text("name"),
                 .version = manifest->text("version"),
                 .directory = directory.string(),
                 .os = words_of(*manifest, "os"),
                 .cpu = words_of(*manifest, "cpu"),
                 .libc = words_of(*manifest, "libc")};
}

// "numpy-1.26.4.dist-info" is all that a name and a version need.
std::optional<Package> python_package(const std::string& directory) {
  constexpr std::string_view kSuffix = ".dist-info";
  if (!directory.ends_with(kSuffix)) return std::nullopt;
  const std::string stem = directory.substr(0, directory.size() - kSuffix.size());
  const size_t dash = stem.find('-');
  if (dash == std::string::npos) return std::nullopt;
  return Package{.manager = Package::Manager::kPython,
                 .name = stem.substr(0, dash),
                 .version = stem.substr(dash + 1),
                 .directory = {},
                 .os = {},
                 .cpu = {},
                 .libc = {}};
}

}  // namespace

std::string record_path(std::string_view line) {
  if (!line.starts_with('"')) return std::string(line.substr(0, line.find(',')));
  std::string path;
  for (size_t at = 1; at < line.size(); ++at) {
    if (line[at] == '"') {
      if (at + 1 >= line.size() || line[at + 1] != '"') break;
      ++at;
    }
    path += line[at];
  }
  return path;
}

const Package* Packages::npm_owner(const std::string& path) {
  for (fs::path directory = fs::path(path).parent_path(); !directory.empty();
       directory = directory.parent_path()) {
    const auto [entry, is_new] = npm_.try_emplace(directory.string());
    if (is_new) entry->second = read_manifest(directory);
    if (entry->second) return &*entry->second;
    if (directory.filename() == "node_modules" || directory == directory.root_path()) break;
  }
  return nullptr;
}

void Packages::read_site(const std::string& site) {
  if (!sites_.try_emplace(site, true).second) return;
  std::error_code failure;
  for (fs::directory_iterator entry(site, failure), end; !failure && entry != end;
       entry.increment(failure)) {
    const auto package = python_package(entry->path().filename().string());
    if (!package) continue;
    const auto record = os::read_text_file(entry->path() / "RECORD", kMaxRecord);
    if (!record.ok()) continue;
    std::string_view rest = *record;
    while (!rest.empty()) {
      const std::string path = record_path(take_line(rest));
      if (path.find(".so") == std::string::npos) continue;
      python_.emplace((fs::path(site) / path).lexically_normal().string(), *package);
    }
  }
}

const Package* Packages::python_owner(const std::string& path) {
  const fs::path normal = fs::path(path).lexically_normal();
  for (fs::path directory = normal.parent_path(); directory != directory.root_path();
       directory = directory.parent_path()) {
    const std::string name = directory.filename().string();
    if (name == "site-packages" || name == "dist-packages") {
      read_site(directory.string());
      const auto found = python_.find(normal.string());
      return found == python_.end() ? nullptr : &found->second;
    }
    if (directory.empty()) break;
  }
  return nullptr;
}

const Package* Packages::owner_of(const std::string& path) {
  const Package* owner = python_owner(path);
  return owner != nullptr ? owner : npm_owner(path);
}

}  // namespace inquest::audit
