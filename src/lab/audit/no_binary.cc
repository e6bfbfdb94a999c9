#include "lab/audit/no_binary.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "lab/audit/choice.h"
#include "platform/os/file.h"

namespace inquest::audit {
namespace {

namespace fs = std::filesystem;
using packages::Package;

bool is_to_be_compiled(const Package& package) {
  return os::is_regular_file(package.directory + "/binding.gyp");
}

// "@img/sharp-linux-x64", "@esbuild/darwin-arm64": for one platform, as its name says.
bool names_a_platform(const std::string& name) { return !target_of(name).platform.empty(); }

// What the name has before its platform: those of one kind stand in for each other.
std::string kind_of(const std::string& name) {
  return name.substr(0, name.find(target_of(name).platform));
}

// As Node.js looks: in the package, then beside it and above.
bool is_installed(const std::string& name, const std::string& from) {
  std::error_code failure;
  fs::path at = from;
  for (; at.has_relative_path(); at = at.parent_path()) {
    const fs::path modules = at.filename() == "node_modules" ? at : at / "node_modules";
    if (fs::exists(modules / name / "package.json", failure)) return true;
  }
  return false;
}

class Search {
 public:
  Search(const BinariesOf& binaries, const Loader& loader) : binaries_(binaries), loader_(loader) {}

  std::optional<Finding> finding_of(const Package& package) const {
    if (!why_not_for(package, loader_).empty()) return std::nullopt;
    const auto [is_one_installed, missing] = platform_packages(package);
    const auto own = binaries_.find(package.directory);
    if (!is_one_installed && own != binaries_.end()) return for_others_only(package, own->second);
    if (!is_one_installed && is_to_be_compiled(package)) return not_compiled(package);
    // What is optional may be done without.
    if (missing.empty()) return std::nullopt;
    return finding(
        Severity::kWarning,
        fmt::format("its binary for this machine is in {}, which is not installed",
                    fmt::join(missing, " or ")),
        "install without --omit=optional, on this kind of machine; npm may need its lock "
        "file made anew");
  }

 private:
  // Is a package for this platform there, and the names of the kinds of which none is.
  std::pair<bool, std::vector<std::string>> platform_packages(const Package& package) const {
    std::map<std::string, std::vector<std::string>> by_kind;
    std::set<std::string> installed;
    for (const std::string& name : package.optional) {
      if (!names_a_platform(name) || !why_not_for(target_of(name), loader_).empty()) continue;
      by_kind[kind_of(name)].push_back(name);
      if (is_installed(name, package.directory)) installed.insert(kind_of(name));
    }
    std::vector<std::string> missing;
    for (const auto& [kind, names] : by_kind) {
      if (!installed.contains(kind)) missing.insert(missing.end(), names.begin(), names.end());
    }
    return {!installed.empty(), missing};
  }

  static Finding finding(Severity severity, std::string what, std::string fix) {
    return {
        .id = "no-binary", .severity = severity, .what = std::move(what), .fix = std::move(fix)};
  }

  std::optional<Finding> for_others_only(const Package& package,
                                         const std::vector<std::string>& reasons) const {
    const bool has_one =
        std::ranges::any_of(reasons, [](const std::string& reason) { return reason.empty(); });
    if (has_one) return std::nullopt;
    const std::set<std::string> distinct(reasons.begin(), reasons.end());
    return finding(Severity::kProblem,
                   fmt::format("none of its binaries is for {} {} here: they are {}", loader_.name,
                               loader_.version, fmt::join(distinct, ", ")),
                   rebuild_command(&package, Api::kNodeApi, &loader_));
  }

  Finding not_compiled(const Package& package) const {
    return finding(Severity::kProblem,
                   "it is to be compiled when it is installed (binding.gyp), and has no binary: "
                   "that failed, or install scripts were not run",
                   rebuild_command(&package, Api::kNodeApi, &loader_));
  }

  const BinariesOf& binaries_;
  const Loader& loader_;
};

}  // namespace

std::vector<Package> candidates_without_binary(const std::vector<Package>& packages,
                                               const BinariesOf& binaries) {
  std::vector<Package> candidates;
  for (const Package& package : packages) {
    if (package.manager != packages::Manager::kNpm || package.is_program) continue;
    if (binaries.contains(package.directory) || is_to_be_compiled(package) ||
        std::ranges::any_of(package.optional, names_a_platform))
      candidates.push_back(package);
  }
  return candidates;
}

std::vector<PackageEntry> find_no_binary(const std::vector<Package>& candidates,
                                         const BinariesOf& binaries, const Loader& loader) {
  const Search search(binaries, loader);
  std::vector<PackageEntry> found;
  for (const Package& package : candidates) {
    if (auto finding = search.finding_of(package))
      found.push_back({.package = package, .findings = {std::move(*finding)}});
  }
  return found;
}

}  // namespace inquest::audit
