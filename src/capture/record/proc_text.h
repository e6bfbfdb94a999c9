// What the kernel says of a process in text: /proc/PID/maps, smaps, status, stat. Names in it are
// the process's own, so hostile; everything is bounded.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"

namespace inquest::capture {

inline constexpr size_t kMaxMappings = 1 << 17;  // vm.max_map_count is 65,530 by default

struct LiveMapping {
  AddressRange range;
  bool read = false, write = false, execute = false, shared = false;
  uint64_t file_offset = 0;
  uint32_t device_major = 0, device_minor = 0;
  uint64_t inode = 0;  // 0: no file
  std::string path;    // as the kernel shows it: "[stack]", "/lib/x.so (deleted)", or empty

  bool is_file() const { return inode != 0; }
  bool is_deleted() const { return path.ends_with(" (deleted)"); }
};

// Lines that cannot be read, overlap or go backwards are left out. Sorted by start.
std::vector<LiveMapping> parse_maps(std::string_view text);
const LiveMapping* find_mapping(const std::vector<LiveMapping>& mappings, Address address);

struct MappingFlags {
  bool dont_dump = false;  // MADV_DONTDUMP
  bool device = false;     // memory of a device, which reading may change
  bool huge_pages = false;
  bool not_inherited = false;  // MADV_DONTFORK, MADV_WIPEONFORK: a snapshot has it not
};
// VmFlags of /proc/PID/smaps by the start of the mapping. `text` may end early.
std::map<uint64_t, MappingFlags> parse_smaps_flags(std::string_view text);

struct ProcessStatus {
  std::string name;
  int32_t thread_group = 0, parent = 0;
  std::optional<uint32_t> uid, gid;  // effective
  std::optional<uint32_t> real_uid, real_gid;
  uint64_t blocked = 0, ignored = 0, caught = 0;  // signal masks: bit n-1 is signal n
  uint64_t capabilities = 0;                      // effective: bit n is capability n
  int seccomp = 0;                                // 2: a filter
  bool dumps_core = false;                        // right now
  int32_t tracer = 0;                             // 0: none
  int32_t innermost_pid = 0;                      // in its own pid namespace
  uint64_t mapped_kib = 0, resident_kib = 0, anonymous_kib = 0;
  uint32_t threads = 0;
  char state = '?';
};
ProcessStatus parse_status(std::string_view text);

struct ProcessStat {
  int32_t parent = 0, group = 0, session = 0;
  uint64_t start_ticks = 0;  // after boot
};
std::optional<ProcessStat> parse_stat(std::string_view text);

}  // namespace inquest::capture
