// What Breakpad copies out of /proc and /etc into a minidump: text, to be read like any other
// hostile text.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "process/image/process_image.h"

namespace inquest::process {

inline constexpr size_t kMaxMapsLines = 1 << 17;  // vm.max_map_count is 65,530 by default

// /proc/PID/maps: mappings sorted by start, those that overlap an earlier one clipped. Lines that
// are none are counted in `*unreadable`.
std::vector<Mapping> read_proc_maps(ByteView text, size_t* unreadable);

// /proc/TID/status.
struct ProcStatus {
  std::string name;  // of the thread, up to 15 bytes
  std::optional<int32_t> pid, tid;
  std::optional<uint32_t> uid, gid;
};
ProcStatus read_proc_status(ByteView text);

// /proc/PID/cmdline: the words, blanks between them, cut at `max` bytes.
std::string read_command_line(ByteView bytes, size_t max);

// The distribution's name in /etc/lsb-release or /etc/os-release; empty when it does not say.
std::string read_distribution(ByteView text);

// /proc/PID/auxv.
std::map<uint64_t, uint64_t> read_auxv(ByteView bytes);

}  // namespace inquest::process
