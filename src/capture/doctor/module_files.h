// What the files of a process's modules offer to whoever explains its crash.
#pragma once

#include <string>
#include <vector>

#include "capture/doctor/target.h"

namespace inquest::doctor {

// Fills in has_build_id and has_debug_info. `prefix` is put before the modules' paths: the root of
// the process as it is seen from here. Debug files are looked for where explain looks: by build-id
// in `debug_directories`, then by the name in .gnu_debuglink. No network is asked.
void inspect_modules(std::vector<ModuleFact>& modules, const std::string& prefix,
                     const std::vector<std::string>& debug_directories);

}  // namespace inquest::doctor
