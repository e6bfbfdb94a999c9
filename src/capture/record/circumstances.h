// What /proc tells of a process beside its memory: read while it is held, told as JSON afterwards.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "capture/record/gather.h"
#include "capture/record/proc.h"
#include "capture/record/proc_text.h"
#include "capture/record/stop.h"

namespace inquest::capture {

struct Circumstances {
  ProcessStatus status;
  ProcessStat stat;
  std::string auxv, maps;                                 // as read
  uint32_t filter = 0;                                    // coredump_filter
  std::string command_line, environment, limits, cgroup;  // as read
  std::string executable, directory;
  std::vector<std::pair<int, std::string>> files;
  bool more_files = false;
  int64_t uptime_ms = -1;
  uint64_t environment_start = 0, environment_end = 0;  // where it lies in memory
};

// What the capture itself needs: maps, status, auxv, filter.
Result<Circumstances> read_essentials(const Proc& process);
void read_the_rest(const Proc& process, Circumstances& circumstances);

std::map<uint64_t, uint64_t> parse_auxv(std::string_view bytes);

// Names in a path of /proc/PID/cgroup; empty when it has none.
struct CgroupNames {
  std::string path;       // of the unified hierarchy, or of systemd's
  std::string unit;       // "shop.service"
  std::string container;  // "docker 3f2a…", "libpod …", "kubernetes pod … container …"
};
CgroupNames names_in_cgroup(std::string_view text);

// Replaces the values of secret variables in kept memory (the environment lies at the top of the
// first stack). How many.
size_t scrub_environment_in(PageStore& pages, const Circumstances& circumstances);

enum class Fidelity : uint8_t { kFull, kSnapshot, kSlim, kRegistersOnly, kSignalOnly };
std::string_view to_string(Fidelity fidelity);

// All that the JSON note of a record says.
struct Told {
  const Circumstances& circumstances;
  const std::vector<ThreadState>& threads;
  Fidelity fidelity = Fidelity::kSlim;
  std::vector<LeftOut> left_out;
  int signal = 0;
  std::string how;         // "ptrace", "handler"
  std::string last_words;  // of stderr
  std::vector<std::pair<std::string, std::string>> annotations;
  std::vector<std::pair<std::string, int64_t>> timings_us;
  std::vector<std::pair<std::string, std::string>> builds;  // path → build-id
  std::string captured_at;                                  // RFC 3339
};
std::string circumstances_json(const Told& told);

}  // namespace inquest::capture
