#include "process/issues/affected.h"

#include <algorithm>

#include "process/issues/names.h"

namespace inquest::issues {
namespace {

bool has(const VersionRange& range, const std::string& version) {
  return range.is_all() || (!version.empty() && range.contains(version));
}

bool tells_versions(const KnownIssue& issue) {
  const IssuePattern& pattern = issue.pattern;
  return (!pattern.package.empty() && !pattern.package_versions.is_all()) ||
         (!pattern.run_time.empty() && !pattern.run_time_versions.is_all()) ||
         (issue.installed && !issue.installed->versions.is_all());
}

bool names_who(const KnownIssue& issue) {
  return !issue.pattern.package.empty() || issue.installed || issue.party == Party::kRunTime;
}

class Comparison {
 public:
  Comparison(const KnownIssue& issue, const Installation& installation)
      : issue_(issue), pattern_(issue.pattern), installation_(installation) {}

  bool can_happen() const {
    return !issue_.disabled && tells_versions(issue_) && names_who(issue_) && run_time() && files();
  }

  std::vector<size_t> packages_like(const PackageRange& wanted) const {
    std::vector<size_t> found;
    for (size_t i = 0; i < installation_.packages.size(); ++i) {
      const InstalledPackage& package = installation_.packages[i];
      if ((wanted.manager.empty() || wanted.manager == package.manager) &&
          fits_package(wanted.name, package.manager, package.name) &&
          has(wanted.versions, package.version)) {
        found.push_back(i);
      }
    }
    return found;
  }

 private:
  bool run_time() const {
    return pattern_.run_time.empty() ||
           (lower(pattern_.run_time) == lower(installation_.run_time) &&
            has(pattern_.run_time_versions, installation_.run_time_version));
  }

  bool is_there(const std::string& name) const {
    return std::ranges::any_of(installation_.files,
                               [&](const std::string& file) { return fits(name, file); });
  }

  bool files() const {
    return (pattern_.crash_module.empty() || is_there(pattern_.crash_module)) &&
           std::ranges::all_of(pattern_.on_stack,
                               [&](const std::string& name) { return is_there(name); }) &&
           std::ranges::all_of(pattern_.loaded,
                               [&](const std::string& name) { return is_there(name); });
  }

  const KnownIssue& issue_;
  const IssuePattern& pattern_;
  const Installation& installation_;
};

}  // namespace

std::vector<Affected> affected(const KnownIssues& known, const Installation& installation) {
  std::vector<Affected> all;
  for (const KnownIssue& issue : known.issues) {
    const Comparison comparison(issue, installation);
    if (!comparison.can_happen()) continue;
    std::optional<size_t> user;
    if (issue.installed) {
      const std::vector<size_t> users = comparison.packages_like(*issue.installed);
      if (users.empty()) continue;
      user = users.front();
    }
    if (issue.pattern.package.empty()) {
      all.push_back({.issue = &issue, .package = std::nullopt, .user = user});
      continue;
    }
    for (const size_t package :
         comparison.packages_like({.manager = issue.pattern.manager,
                                   .name = issue.pattern.package,
                                   .versions = issue.pattern.package_versions}))
      all.push_back({.issue = &issue, .package = package, .user = user});
  }
  return all;
}

}  // namespace inquest::issues
