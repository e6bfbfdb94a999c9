// supervise(): starts a program, watches it and all that it starts, records each crash, lets it die
// as it would have died, and starts it again when that is wanted. Needs no privilege; works as the
// first process of a container.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "capture/supervise/crash_jobs.h"
#include "capture/supervise/restart_policy.h"

namespace inquest::capture {

enum class GiveUp : uint8_t { kExit, kHold };

struct RunOptions {
  std::vector<std::string> command;
  std::string version;  // of Inquest, for what it says
  bool trace = false;
  std::string preload;  // path of libinquest-preload.so; empty: none
  bool restart = false;
  RestartOptions restarts;
  GiveUp give_up = GiveUp::kExit;
  std::chrono::milliseconds stop_timeout{10'000};
  bool keep_stderr = true;
  bool release_ports = true;
  bool kernel_core = false;  // leave the kernel's own core as it is
  bool full_core = false;    // keep all memory, from a copy-on-write snapshot
  uint32_t max_stops_per_second = 5000;
  std::string on_crash, on_storm;  // for /bin/sh; get JSON on stdin
  CaptureOptions capture;
  LookOptions look;
};

// The exit status of the program, as a shell tells it: 128 + signal; 127 and 126 when it could not
// be started.
int supervise(const RunOptions& options, const CrashServices& services);

}  // namespace inquest::capture
