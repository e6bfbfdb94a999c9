// Finding the modules of a process from what the core says: mappings, ELF headers in memory,
// ld.so's link_map.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/build_id.h"
#include "binary/elf/file.h"
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

// The ELF header and program headers that the process has mapped at `start`; nullopt when they are
// not in the core.
std::optional<elf::File> header_in_memory(const MemoryReader& memory, Address start);
// The build-id note of the image with these program headers, from memory.
std::optional<BuildId> build_id_in_memory(const MemoryReader& memory, const elf::File& header,
                                          uint64_t bias);
// Bias of an image whose file offset 0 is mapped at `start`.
uint64_t bias_of(const elf::File& header, Address start);
// From the first page to the end of the last PT_LOAD.
AddressRange span_of(const elf::File& header, uint64_t bias);

}  // namespace inquest::process
