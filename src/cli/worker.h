// A worker process for reading what somebody else wrote: a core, its binaries and debug files are
// hostile until proven otherwise.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"

namespace inquest::cli {

struct WorkerLimits {
  uint64_t heap_bytes = uint64_t{4} << 30;  // RLIMIT_DATA: mapped files do not count
  uint64_t cpu_seconds = 600;               // RLIMIT_CPU
};

// Runs `work` in a child process under `limits`, without the right to dump core (its own core must
// never overwrite the one that is being read), and answers its exit code. When the child dies
// instead, says on stderr what happened while reading `input`, and answers kExitUnreadable.
int run_in_worker(const std::string& input, const WorkerLimits& limits,
                  const std::function<int()>& work);

// The same for work that makes a text for this process instead of printing one: nullopt when there
// is none, which was said on stderr.
std::optional<std::string> text_of_worker(const std::string& input, const WorkerLimits& limits,
                                          const std::function<Result<std::string>()>& work);

}  // namespace inquest::cli
