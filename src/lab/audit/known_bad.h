// Which packages, and which programs that load them, have a bug that is known.
#pragma once

#include <string>
#include <vector>

#include "lab/audit/judge.h"
#include "lab/audit/loader.h"
#include "process/issues/affected.h"
#include "process/packages/package.h"

namespace inquest::audit {

struct KnownBad {
  std::vector<PackageEntry> packages;
  std::vector<Finding> of_loader;
};

// `loader`: nullptr: not known; then what depends on it is not told. `files`: names of the files in
// the tree and of what they load.
KnownBad find_known_bad(const issues::KnownIssues& known, const Loader* loader,
                        const std::vector<packages::Package>& packages,
                        const std::vector<std::string>& files);

// Does an issue ask for a package of this name?
bool is_named(const issues::KnownIssues& known, packages::Manager manager, std::string_view name);

// Is it the same package, of the same version?
bool is_same(const packages::Package& a, const packages::Package& b);

}  // namespace inquest::audit
