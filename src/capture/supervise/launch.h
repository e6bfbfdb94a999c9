// Starting the program: its environment, its signals, and, when it is to be traced, a tracer before
// its first instruction.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace inquest::capture {

struct Launch {
  std::vector<std::string> command;                              // looked up in PATH
  std::vector<std::pair<std::string, std::string>> environment;  // added, or put in the place
  int stderr_fd = -1;                                            // -1: ours
  bool trace = false;    // PTRACE_SEIZE before it runs the program
  sigset_t signal_mask;  // that it starts with
};

// The child's pid. kNotFound: there is no such program; kIo with EACCES: it may not be run.
Result<pid_t> launch(const Launch& launch);

// What PTRACE_SEIZE is given: new threads and processes are traced too.
long trace_options();

}  // namespace inquest::capture
