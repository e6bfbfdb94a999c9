// Languages whose run time is recognised but whose frames are not read: Go, Java, Ruby, PHP, Perl,
// .NET, Erlang, Lua, and JavaScript in Bun.
#pragma once

#include <string>
#include <vector>

#include "process/modules/modules.h"

namespace inquest::process {

struct NamedRuntime {
  std::string language;  // "Ruby"
  std::string name;      // "Ruby 3.1.2", without a version when that is not told
  std::string found_by;  // for people
  std::string advice;    // where its own account of the crash is
};

// Looks at the names of modules, and into those that tell more.
std::vector<NamedRuntime> find_named_runtimes(const ModuleSet& modules);

}  // namespace inquest::process
