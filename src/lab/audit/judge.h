// What is wrong with a module for the program that will load it, and what to do about it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lab/audit/libraries.h"
#include "lab/audit/loader.h"
#include "process/packages/package.h"

namespace inquest::audit {

enum class Severity : uint8_t {
  kProblem,  // it will not load, or will crash when it is used
  kWarning,  // it may
};

struct Finding {
  std::string id;  // "node-abi", stable: see docs/audit.md
  Severity severity = Severity::kProblem;
  std::string what;  // one sentence
  std::string fix;   // a command, or what to do
  // Of what is known to be bad: which known issue, where it was reported, what to upgrade to.
  std::string issue = {}, link = {}, fixed_version = {};
  bool operator==(const Finding&) const = default;
};

// What is wrong with a package as a whole.
struct PackageEntry {
  packages::Package package;
  std::vector<Finding> findings;
};

struct Subject {
  const NativeModule& module;
  const packages::Package* package = nullptr;  // nullptr: unknown
  const Loader* loader = nullptr;  // nullptr: a program, or a library for no loader that is known
  const Closure& closure;
  const std::map<std::string, std::string>& in_tree;  // libraries beside it: name → file
};

// Order: what explains most first. `host_glibc`: of this machine, for what has no loader.
std::vector<Finding> judge(const Subject& subject, std::optional<GlibcVersion> host_glibc,
                           Libraries& libraries);

// What to run to get the package anew, built for this machine and `loader` (nullptr: not known).
std::string rebuild_command(const packages::Package* package, Api api, const Loader* loader);
// What to run to get `version` of the package or a newer one; empty: not known.
std::string upgrade_command(const packages::Package& package, const std::string& version);

}  // namespace inquest::audit
