#include "process/packages/npm.h"

#include <filesystem>

#include "platform/json/value.h"
#include "platform/os/file.h"

namespace inquest::packages {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxManifest = 4 << 20;
constexpr int kMaxLevels = 64;  // of directories above a file
constexpr std::string_view kModules = "/node_modules/";

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

std::vector<std::string> names_of(const json::JsonValue* dependencies) {
  std::vector<std::string> names;
  if (dependencies == nullptr || dependencies->object() == nullptr) return names;
  for (const auto& [name, version] : *dependencies->object()) names.push_back(name);
  return names;
}

// Those without a name are no packages: they only say how their folder is to be read.
std::optional<Package> read_manifest(const std::string& root, const std::string& directory) {
  const auto text = os::read_text_file(root + directory + "/package.json", kMaxManifest);
  if (!text.ok()) return std::nullopt;
  const auto manifest = json::parse_json(*text, {.max_size = kMaxManifest});
  if (!manifest.ok() || manifest->text("name").empty()) return std::nullopt;
  return Package{.manager = Manager::kNpm,
                 .name = manifest->text("name"),
                 .version = manifest->text("version"),
                 .directory = directory,
                 .is_program = directory.find(kModules) == std::string::npos,
                 .os = words_of(*manifest, "os"),
                 .cpu = words_of(*manifest, "cpu"),
                 .libc = words_of(*manifest, "libc"),
                 .optional = names_of(manifest->find("optionalDependencies"))};
}

// pnpm: "/a/node_modules/.pnpm/better-sqlite3@9.4.0/node_modules/better-sqlite3". A scope's slash
// is a plus there, and what is behind "_" or "(" names peers.
std::string version_of_pnpm(std::string_view directory) {
  constexpr std::string_view kStore = "/.pnpm/";
  const size_t store = directory.rfind(kStore);
  if (store == std::string_view::npos) return {};
  std::string_view folder = directory.substr(store + kStore.size());
  folder = folder.substr(0, folder.find('/'));
  const size_t at = folder.find('@', 1);
  if (at == std::string_view::npos) return {};
  const std::string_view version = folder.substr(at + 1);
  return std::string(version.substr(0, version.find_first_of("_(")));
}

Package by_path(const std::string& directory) {
  return {.manager = Manager::kNpm,
          .name = directory.substr(directory.rfind(kModules) + kModules.size()),
          .version = version_of_pnpm(directory),
          .directory = directory,
          .is_program = false};
}

}  // namespace

std::string npm_directory_of(std::string_view path) {
  const size_t modules = path.rfind(kModules);
  if (modules == std::string_view::npos) return {};
  size_t end = path.find('/', modules + kModules.size());
  if (end != std::string_view::npos && path[modules + kModules.size()] == '@')
    end = path.find('/', end + 1);
  // A file that lies in node_modules itself belongs to none.
  return end == std::string_view::npos ? std::string() : std::string(path.substr(0, end));
}

const std::optional<Package>& NpmPackages::read(const std::string& directory) {
  const auto [entry, is_new] = known_.try_emplace(directory);
  if (is_new) entry->second = read_manifest(root_, directory);
  return entry->second;
}

const Package* NpmPackages::owner_of(const std::string& path) {
  if (const std::string directory = npm_directory_of(path); !directory.empty()) {
    const auto [entry, is_new] = known_.try_emplace(directory);
    if (is_new) {
      entry->second = read_manifest(root_, directory);
      if (!entry->second) entry->second = by_path(directory);
    }
    return &*entry->second;
  }
  fs::path directory = fs::path(path).lexically_normal().parent_path();
  for (int level = 0; level < kMaxLevels && directory.has_relative_path(); ++level) {
    if (const auto& package = read(directory.string())) return &*package;
    directory = directory.parent_path();
  }
  return nullptr;
}

}  // namespace inquest::packages
