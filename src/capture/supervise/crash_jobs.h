// CrashJobs: what is done with a crash after its process was let go, in child processes of low
// priority: a copy of the process is looked at, the record is written, kept and explained. A few at
// a time; the others wait in memory.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "capture/record/closer_look.h"
#include "capture/supervise/snapshot.h"
#include "platform/os/fd.h"

namespace inquest::capture {

// What became of one crash.
struct CrashOutcome {
  uint64_t number = 0;  // of the crash, as it was counted
  std::string id;       // of what was kept; empty when nothing could be kept
  std::string why_not_kept;
  std::string signature, title;  // empty when it was not explained
  std::string text;              // in short, for people
  std::string report;            // JSON
  std::string full_core;         // "kept", or why not; empty when it was not wanted
};

struct CrashServices {
  // Keeps a record; its id. Runs in a child.
  std::function<Result<std::string>(ByteView record, const Captured& captured)> keep;
  // Keeps the full core of a snapshot beside the record `id`. Runs in a child.
  std::function<Status(const std::string& id, const Captured& captured, const RemoteMemory& memory)>
      keep_full;
  // Explains a kept record and fills in signature, title, text and report. Runs in a child.
  std::function<void(ByteView record, CrashOutcome& outcome)> explain;
};

// A crash whose process was let go.
struct CrashTaken {
  uint64_t number = 0;
  std::shared_ptr<Captured> captured;
  // A copy of the process; none: the capture has had its closer look.
  std::shared_ptr<Snapshot> snapshot;
  std::string why_no_analysis;  // of the copy; empty: it is to be analysed
  bool keep_full = false;       // all memory of the copy
};

class CrashJobs {
 public:
  // Both must outlive it.
  CrashJobs(const CrashServices& services, const LookOptions& look,
            std::function<void(CrashOutcome)> done)
      : services_(services), look_(look), done_(std::move(done)) {}

  void add(CrashTaken crash);
  // Descriptors to be polled for reading.
  std::vector<int> descriptors() const;
  // A descriptor is ready.
  void ready(int fd);
  // A child of ours that waitpid() told of.
  bool owns(pid_t pid) const;
  void ended(pid_t pid, int status);
  bool idle() const { return running_.empty() && waiting_.empty(); }

 private:
  struct Job {
    CrashTaken crash;
    bool only_keep = false;  // a second try
    pid_t pid = -1;
    os::Fd pipe;
    std::string answer;
  };
  void start_some();
  bool start(Job& job);
  [[noreturn]] void work(const Job& job, int fd) const;
  void finish(Job job);

  const CrashServices& services_;
  const LookOptions& look_;
  std::function<void(CrashOutcome)> done_;
  std::deque<Job> waiting_;
  std::vector<Job> running_;
};

}  // namespace inquest::capture
