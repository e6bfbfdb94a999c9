// npm's packages that have no binary for the program which will load them: not built, left out at
// installation, or brought from another machine.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lab/audit/judge.h"
#include "lab/audit/loader.h"
#include "process/packages/package.h"

namespace inquest::audit {

// By the directory of a package: why each of its binaries is not for this program; empty: it is.
using BinariesOf = std::map<std::string, std::vector<std::string>>;

// Those of the packages (of npm) that can have none: they have a file for another program, are to
// be compiled (binding.gyp), or have a package for each platform.
std::vector<packages::Package> candidates_without_binary(
    const std::vector<packages::Package>& packages, const BinariesOf& binaries);

// Which of them have none for `loader`.
std::vector<PackageEntry> find_no_binary(const std::vector<packages::Package>& candidates,
                                         const BinariesOf& binaries, const Loader& loader);

}  // namespace inquest::audit
