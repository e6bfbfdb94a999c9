#include "lab/audit/project.h"

#include <array>
#include <filesystem>

#include "lab/audit/tree.h"
#include "platform/os/file.h"
#include "process/packages/npm.h"

namespace inquest::audit {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxLevels = 64;

std::string directory_of_project(const std::string& path) {
  const std::string whole = absolute(path);
  constexpr std::string_view kModules = "/node_modules";
  for (size_t at = whole.find(kModules); at != std::string::npos;
       at = whole.find(kModules, at + 1)) {
    const size_t end = at + kModules.size();
    if (end == whole.size() || whole[end] == '/') return whole.substr(0, at);
  }
  return os::is_directory(whole) ? whole : fs::path(whole).parent_path().string();
}

std::string first_of(const std::string& directory, const auto& names) {
  for (const std::string_view name : names) {
    if (os::is_regular_file(directory + "/" + std::string(name))) return std::string(name);
  }
  return {};
}

// A workspace has them above its packages.
void find_locks(Project& project) {
  constexpr std::array<std::string_view, 3> kBun = {"bun.lock", "bun.lockb", "bunfig.toml"};
  constexpr std::array<std::string_view, 4> kOthers = {"package-lock.json", "npm-shrinkwrap.json",
                                                       "yarn.lock", "pnpm-lock.yaml"};
  fs::path at = project.directory;
  for (int level = 0; level < kMaxLevels && at.has_relative_path(); ++level) {
    project.bun_because = first_of(at.string(), kBun);
    project.other_manager = first_of(at.string(), kOthers);
    if (!project.bun_because.empty() || !project.other_manager.empty()) return;
    std::error_code failure;
    if (fs::exists(at / ".git", failure)) return;
    at = at.parent_path();
  }
}

}  // namespace

Project read_project(const std::string& path) {
  Project project;
  project.directory = directory_of_project(path);
  find_locks(project);
  const std::string electron = project.directory + "/node_modules/electron";
  if (os::is_regular_file(electron + "/package.json")) {
    packages::NpmPackages npm("");
    if (const auto* package = npm.owner_of(electron + "/package.json")) {
      project.electron = electron;
      project.electron_version = package->version;
    }
  }
  return project;
}

}  // namespace inquest::audit
