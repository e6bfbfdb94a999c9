// The ways to lose a process that `inquest drill` tries, each with a real crash.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/drill_report.h"

namespace inquest::cli {

// With the canaries that come with this program.
std::vector<DrillResult> drill_canaries();

struct OwnProgram {
  std::vector<std::string> command;
  bool consent = false;  // to crash it
  int64_t after_ms = 1000;
};
// The user's own program, killed by a real SIGSEGV when it has run for a while.
DrillResult drill_own(const OwnProgram& own);

}  // namespace inquest::cli
