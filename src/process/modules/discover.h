// Finding the modules of a process from what the core says: mappings, ELF headers in memory,
// ld.so's link_map.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/build_id.h"
#include "process/image/process_image.h"

namespace inquest::process {

struct Discovered {
  std::string path;
  AddressRange range;
  uint64_t bias = 0;
  uint64_t elf_offset = 0;
  std::optional<BuildId> build_id;
  bool is_main = false;
  bool is_vdso = false;
  bool was_deleted = false;
};

struct Discovery {
  std::vector<Discovered> modules;  // sorted by address
  std::vector<Note> notes;
};

// `executable` is what the user named (--exe), `sysroot` as in ModuleOptions: files are opened only
// for modules of which the core holds no ELF header.
Discovery discover_modules(const ProcessImage& image, const std::string& executable,
                           const std::string& sysroot);

}  // namespace inquest::process
