// Setting core_pattern, and putting back what was there. Source: core(5), fs/coredump.c.
//
// The kernel cuts a pattern after 127 bytes without a word, and some kernels accept a socket's
// pattern that they cannot use: what was written is read back.
#pragma once

#include <string>

#include "base/result.h"

namespace inquest::capture {

inline constexpr size_t kMaxPatternBytes = 127;

enum class PatternMode : uint8_t {
  kSocket,  // "@@PATH": the kernel connects to a collector that listens
  kPipe,    // "|PROGRAM …": the kernel starts the collector for each crash
};

// The directories of one host, so that tests can have their own.
struct PatternPlaces {
  std::string sysctl = "/proc/sys";
  std::string state = "/var/lib/inquest";  // where the old settings are remembered
};

// "|PROGRAM collect --pipe %P %i %u %g %s %t %d %F"; kTooLarge when it does not fit.
Result<std::string> pipe_pattern(const std::string& program);
std::string socket_pattern(const std::string& path);

// Can this kernel connect to a socket (/proc/sys/kernel/core_modes)?
bool kernel_has_sockets(const PatternPlaces& places);

struct PatternChange {
  std::string before, now;
  bool changed = false;
  std::string remark;  // for people; may be empty
};

// Writes `pattern`, after what was there was remembered on disk. What was remembered earlier is
// kept when the present pattern is ours. On failure nothing is changed.
Result<PatternChange> set_pattern(const PatternPlaces& places, const std::string& pattern);
// Puts back what set_pattern() found. A pattern that somebody else has set since is left alone, and
// said so.
Result<PatternChange> restore_pattern(const PatternPlaces& places);

}  // namespace inquest::capture
