// CrashJobs: what is done with a crash after its process was let go, in child processes of low
// priority: the record is written, kept and explained. A few at a time; the others wait in memory.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "capture/record/capture.h"
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
  Analyse analyse;  // runs while the process is held
  // Keeps a record; its id. Runs in a child.
  std::function<Result<std::string>(ByteView record, const Captured& captured)> keep;
  // Keeps the full core of a snapshot beside the record `id`. Runs in a child.
  std::function<Status(const std::string& id, const Captured& captured, const RemoteMemory& memory)>
      keep_full;
  // Explains a kept record and fills in signature, title, text and report. Runs in a child.
  std::function<void(ByteView record, CrashOutcome& outcome)> explain;
};

class CrashJobs {
 public:
  CrashJobs(const CrashServices& services, std::function<void(CrashOutcome)> done)
      : services_(services), done_(std::move(done)) {}

  void add(uint64_t number, std::shared_ptr<Captured> captured, std::shared_ptr<Snapshot> snapshot);
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
    uint64_t number = 0;
    std::shared_ptr<Captured> captured;
    std::shared_ptr<Snapshot> snapshot;  // for the full core; may be none
    bool explain = true;                 // false: a second try, that only keeps
    pid_t pid = -1;
    os::Fd pipe;
    std::string answer;
  };
  void start_some();
  bool start(Job& job);
  void finish(Job job);

  const CrashServices& services_;
  std::function<void(CrashOutcome)> done_;
  std::deque<Job> waiting_;
  std::vector<Job> running_;
};

}  // namespace inquest::capture
