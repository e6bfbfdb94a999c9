// The module list of a minidump: which binaries were loaded where, and which builds they were.
#pragma once

#include <vector>

#include "process/image/process_image.h"
#include "process/input/minidump_file.h"

namespace inquest::process {

inline constexpr size_t kMaxListedModules = 1 << 16;

struct MinidumpModules {
  std::vector<ListedModule> modules;  // sorted by start
  std::string first;                  // path of the first in the list: the program, by custom
  size_t unusable = 0;                // entries without a range, and those over the limit
};

// The identity of each is that of its CodeView record: "BpEL" has the build-id as it is, "RSDS" its
// first 16 bytes as a GUID. Zeros are none.
MinidumpModules read_minidump_modules(const MinidumpFile& file);

}  // namespace inquest::process
