// Known issues held against what is installed, before anything crashes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "process/issues/known_issues.h"

namespace inquest::issues {

struct InstalledPackage {
  std::string manager, name, version;  // as process/packages has them; version empty: not known
};

// What a run time would meet.
struct Installation {
  std::string run_time, run_time_version;  // "node", "CPython", "bun"; empty: not known
  std::vector<InstalledPackage> packages;
  std::vector<std::string> files;  // names of programs and libraries, without directories
};

struct Affected {
  const KnownIssue* issue = nullptr;
  std::optional<size_t> package;  // the one that is at fault, of `packages`; nullopt: the run time
  // The package whose use it takes, when that is another one than `package`.
  std::optional<size_t> user;
};

// Those that tell versions, of a package or of the run time, and have them here; one for each
// package that is at fault. A version that is not known is none of them. What only a crash can tell
// (functions, addresses) is not asked for: that they are here does not mean that they ever happen.
// Issues of a run time's version that somebody else brings about (party) count only when the
// pattern, or `installed`, names who. Order: that of the issues.
std::vector<Affected> affected(const KnownIssues& known, const Installation& installation);

}  // namespace inquest::issues
