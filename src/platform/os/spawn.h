// Child processes: no shell, output captured and capped, ended by a deadline together with their
// children.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace inquest::os {

struct SpawnOptions {
  std::chrono::milliseconds timeout{60'000};
  uint64_t max_output = 16 * 1024 * 1024;  // of stdout and stderr each; the rest is dropped
  std::string directory;                   // where the child runs; empty: here
  std::string input;                       // its stdin; empty: /dev/null
  // Added to our own environment, or replacing it by name. An empty optional removes the variable.
  std::vector<std::pair<std::string, std::optional<std::string>>> environment;
};

struct SpawnResult {
  int exit_code = -1;  // of exit(); -1 when a signal ended it
  int signal = 0;      // the signal that ended it, or 0
  bool timed_out = false;
  bool core_dumped = false;
  bool output_cut = false;  // more was written than max_output
  std::string out;
  std::string err;

  bool success() const { return exit_code == 0 && !timed_out; }
};

// Runs arguments[0] (looked up in PATH) and waits. An error means it could not be started at all; a
// program that fails is a SpawnResult. The child leads its own process group, which is killed at
// the deadline.
Result<SpawnResult> run_process(const std::vector<std::string>& arguments,
                                const SpawnOptions& options = {});

}  // namespace inquest::os
