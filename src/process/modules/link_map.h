// ld.so's own list of what it loaded: the fallback for cores that do not name mapped files
// (qemu-user, Linux before 3.7).
#pragma once

#include "process/modules/discover.h"

namespace inquest::process {

struct LinkMap {
  std::vector<Discovered> modules;
  std::vector<Note> notes;
};

// What to put before paths of libraries: the sysroot, or nothing; for qemu-user, which maps
// libraries of another architecture, also where its own and Debian's cross libraries are.
std::vector<std::string> library_prefixes(const ProcessImage& image, const std::string& sysroot);

// Follows AT_PHDR → PT_DYNAMIC → DT_DEBUG → r_debug → link_map. The program's own headers come from
// memory or, where they were not dumped, from the file `executable` or the image's executable.
LinkMap read_link_map(const ProcessImage& image, const std::string& executable,
                      const std::string& sysroot);

}  // namespace inquest::process
