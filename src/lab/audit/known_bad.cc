#include "lab/audit/known_bad.h"

#include <fmt/format.h>

#include <algorithm>

#include "process/issues/names.h"
#include "process/packages/packages.h"

namespace inquest::audit {
namespace {

using issues::Affected;
using issues::KnownIssue;
using packages::Package;

std::string words_of(const Package& package) {
  return fmt::format("{} {}", package.name, package.version);
}

// What to do; `fixed` is the version to go to, and may be empty.
std::string fix_of(const KnownIssue& issue, const Package* package, const Loader* loader,
                   bool of_package) {
  const std::string& fixed = issue.fixed_version;
  if (!fixed.empty() && of_package) {
    if (const std::string command = upgrade_command(*package, fixed); !command.empty())
      return command;
    return fmt::format("upgrade {} to {}", package->name, fixed);
  }
  // Nobody is sent back to an older line.
  if (!fixed.empty() && loader != nullptr && issues::compare_versions(loader->version, fixed) < 0)
    return fmt::format("upgrade {} to {}", loader->name, fixed);
  if (!issue.workaround.empty()) return issue.workaround;
  return "no version without it is known; follow " + issue.link;
}

Finding finding_of(const Affected& one, const Package* package, const Package* user,
                   const Loader* loader) {
  const KnownIssue& issue = *one.issue;
  const bool of_package = package != nullptr && !issue.pattern.package_versions.is_all();
  std::string what = package != nullptr
                         ? fmt::format("{} has a known bug", words_of(*package))
                         : fmt::format("{} {} has a known bug", loader->name, loader->version);
  if (user != nullptr) what += fmt::format(", which {} brings about", words_of(*user));
  what += ": " + issue.title;
  if (!issue.fixed.empty()) what += fmt::format(" (fixed: {})", issue.fixed);
  std::string fix = fix_of(issue, package, loader, of_package);
  if (!issue.workaround.empty() && fix != issue.workaround)
    what += "; until then: " + issue.workaround;
  return {.id = "known-bad",
          .severity = issue.always ? Severity::kProblem : Severity::kWarning,
          .what = std::move(what),
          .fix = std::move(fix),
          .issue = issue.id,
          .link = issue.link,
          .fixed_version = issue.fixed_version};
}

}  // namespace

bool is_named(const issues::KnownIssues& known, packages::Manager manager, std::string_view name) {
  const std::string_view words = packages::to_string(manager);
  const auto names = [&](const std::string& of_manager, const std::string& pattern) {
    return !pattern.empty() && (of_manager.empty() || of_manager == words) &&
           issues::fits_package(pattern, words, name);
  };
  return std::ranges::any_of(known.issues, [&](const KnownIssue& issue) {
    return names(issue.pattern.manager, issue.pattern.package) ||
           (issue.installed && names(issue.installed->manager, issue.installed->name));
  });
}

bool is_same(const Package& a, const Package& b) {
  return a.manager == b.manager && a.version == b.version &&
         issues::fits_package(a.name, packages::to_string(b.manager), b.name);
}

KnownBad find_known_bad(const issues::KnownIssues& known, const Loader* loader,
                        const std::vector<Package>& packages,
                        const std::vector<std::string>& files) {
  issues::Installation installation;
  installation.files = files;
  if (loader != nullptr) {
    installation.run_time = loader->run_time;
    installation.run_time_version = loader->version;
    installation.files.insert(installation.files.end(), loader->files.begin(), loader->files.end());
  }
  for (const Package& package : packages) {
    installation.packages.push_back(
        {std::string(packages::to_string(package.manager)), package.name, package.version});
  }
  KnownBad bad;
  for (const Affected& one : issues::affected(known, installation)) {
    const Package* package = one.package ? &packages[*one.package] : nullptr;
    const Package* user = one.user ? &packages[*one.user] : nullptr;
    if (package == nullptr && loader == nullptr) continue;
    Finding finding = finding_of(one, package, user, loader);
    if (package == nullptr) {
      bad.of_loader.push_back(std::move(finding));
      continue;
    }
    const auto same = std::ranges::find_if(bad.packages, [&](const PackageEntry& it) {
      return it.package.directory == package->directory && is_same(it.package, *package);
    });
    PackageEntry& entry =
        same != bad.packages.end()
            ? *same
            : bad.packages.emplace_back(PackageEntry{.package = *package, .findings = {}});
    entry.findings.push_back(std::move(finding));
  }
  return bad;
}

}  // namespace inquest::audit
