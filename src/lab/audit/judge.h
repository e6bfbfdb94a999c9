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
  bool operator==(const Finding&) const = default;
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

// What to run to get the package anew, built for this machine.
std::string rebuild_command(const packages::Package* package, Api api);

}  // namespace inquest::audit
