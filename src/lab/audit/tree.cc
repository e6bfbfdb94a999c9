#include "lab/audit/tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "platform/os/file.h"
#include "process/packages/npm.h"
#include "process/packages/python.h"

namespace inquest::audit {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxEntries = 4'000'000;  // of directories
constexpr size_t kMaxPackages = 50'000;

bool is_shared_object(std::string_view name) {
  const size_t at = name.find(".so");
  if (at == std::string_view::npos || at == 0) return false;
  // "libx.so", "libx.so.1.2", and not "x.sock" or "x.so.py".
  return std::all_of(name.begin() + static_cast<ptrdiff_t>(at) + 3, name.end(),
                     [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

constexpr std::string_view kLeft = "/obj.target/";

// node-gyp puts what it has built into build/Release/NAME.node too, which is what gets loaded.
bool is_left_by_the_build(std::string path) {
  const size_t at = path.rfind(kLeft);
  if (at == std::string::npos || path.rfind("/build/", at) == std::string::npos) return false;
  return os::is_regular_file(path.replace(at, kLeft.size(), "/"));
}

class Walk {
 public:
  void run(const std::string& root) {
    std::error_code failure;
    size_t count = 0;
    for (fs::recursive_directory_iterator
             entry(root, fs::directory_options::skip_permission_denied, failure),
         end;
         !failure && entry != end && count < kMaxEntries; entry.increment(failure), ++count) {
      const std::string name = entry->path().filename().string();
      if (is_node_module(name) || is_shared_object(name)) {
        note_file(entry->path().string());
      } else {
        note_package(entry->path(), name);
      }
    }
  }

  Tree result() && {
    for (const auto& [identity, path] : files_) tree_.native_files.push_back(path);
    std::ranges::sort(tree_.native_files);
    std::ranges::sort(tree_.packages, {}, &packages::Package::directory);
    return std::move(tree_);
  }

 private:
  // Of several names of one file the first.
  void note_file(const std::string& path) {
    struct stat info = {};
    if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return;
    if (is_left_by_the_build(path)) return;
    const auto [entry, is_new] = files_.try_emplace({info.st_dev, info.st_ino}, path);
    if (!is_new && path < entry->second) entry->second = path;
  }

  void note_package(const fs::path& path, const std::string& name) {
    if (tree_.packages.size() >= kMaxPackages) return;
    const std::string parent = path.parent_path().filename().string();
    if (parent == "site-packages" || parent == "dist-packages") {
      const auto distribution = packages::distribution_name(name);
      if (!distribution) return;
      tree_.packages.push_back({.manager = packages::Manager::kPython,
                                .name = distribution->name,
                                .version = distribution->version,
                                .directory = path.string()});
    } else if (parent == "node_modules" || parent.starts_with('@')) {
      note_npm_package(path);
    }
  }

  void note_npm_package(const fs::path& path) {
    std::error_code failure;
    if (fs::is_symlink(path, failure)) return;
    const std::string directory = absolute(path.string());
    if (packages::npm_directory_of(directory + "/") != directory) return;
    if (!os::is_regular_file(directory + "/package.json")) return;
    if (const auto* package = npm_.owner_of(directory + "/package.json"))
      tree_.packages.push_back(*package);
  }

  Tree tree_;
  packages::NpmPackages npm_{""};
  std::map<std::pair<dev_t, ino_t>, std::string> files_;
};

}  // namespace

bool is_node_module(std::string_view file) { return file.ends_with(".node"); }

std::string absolute(const std::string& path) {
  std::error_code failure;
  const fs::path whole = fs::absolute(path, failure).lexically_normal();
  std::string text = failure ? path : whole.string();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

Tree read_tree(const std::string& root) {
  Walk walk;
  walk.run(root);
  // Containers often have it elsewhere.
  std::error_code failure;
  const fs::path modules = fs::path(root) / "node_modules";
  if (fs::is_symlink(modules, failure)) walk.run(modules.string());
  return std::move(walk).result();
}

}  // namespace inquest::audit
