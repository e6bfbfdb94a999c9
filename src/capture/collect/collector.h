// The host's collector: takes the cores of all processes from the kernel, over its socket or as the
// program of a pipe, decides what is kept, and lets the dying go.
//
// One child process a crash: what goes wrong with one harms no other, and 400 at once are taken
// side by side. Nothing is parsed with privileges but what the kernel wrote: ELF headers and notes.
// The analysis of the process's memory and binaries runs in children that have given up all rights.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/result.h"
#include "capture/collect/kernel_log.h"
#include "capture/collect/policy.h"
#include "capture/record/closer_look.h"

namespace inquest::capture {

// A crash that was decided on, with what was captured of it.
struct CollectedCrash {
  Captured captured;
  Decision decision;
  bool root_only = true;  // by the kernel's word, or because it gave none
};

// Takes the bytes of a full core while the process is held.
class FullCoreSink {
 public:
  virtual ~FullCoreSink() = default;
  // `promised`: bytes that the whole core will have, as far as is known.
  virtual Status begin(const CollectedCrash& crash, uint64_t promised) = 0;
  virtual Status append(ByteView bytes) = 0;
  virtual Status end(bool whole) = 0;
};

struct CollectServices {
  Analyse analyse;  // see LookOptions; runs in a child without rights
  // Only counted. Runs in the child of the crash.
  std::function<Status(const CollectedCrash& crash)> count;
  FullCoreSink* full_core = nullptr;  // where a full core goes
  // Keeps and explains; the process has died by then.
  std::function<Status(const CollectedCrash& crash)> keep;
  std::function<void(const std::string& line)> log;
  // The kernel dropped a core before it came to us: it is counted all the same.
  std::function<void(const KernelLoss& loss)> lost;
  // serve_socket(): the kernel may be told now. Empty: nothing is to be done.
  std::function<Status()> when_listening;
};

struct CollectOptions {
  std::string kinds_file;
  PolicyRules rules;
  CaptureOptions capture;
  LookOptions look;                           // its analyse is that of the services
  std::chrono::milliseconds dead_time{2000};  // that a full core may hold the process
  uint32_t max_children = 256;
};

// How a crash came to us.
struct Arrival {
  int stream = -1;  // the core
  int32_t pid = 0;  // in our pid namespace
  int pidfd = -1;   // -1: none; the process must then be seen to dump core
  bool root_only = true;
};

// One crash, from its head to its record. Ends when all is done.
Status collect_one(const Arrival& arrival, const CollectOptions& options,
                   const CollectServices& services);

// Listens until SIGTERM or SIGINT; the crashes that were begun are finished first.
Status serve_socket(const std::string& path, const CollectOptions& options,
                    const CollectServices& services);

}  // namespace inquest::capture
