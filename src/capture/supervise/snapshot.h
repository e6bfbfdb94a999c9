// Snapshot: a copy-on-write copy of a process, made by an injected clone(): the original dies at
// once, its memory can be read at leisure. The copy stands still all its life and is killed at the
// end of ours, or earlier by end_after_original().
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>

#include "capture/record/remote_memory.h"
#include "capture/supervise/inject.h"

namespace inquest::capture {

class Snapshot {
 public:
  // `injector`: of a thread of the process, all of whose threads are stopped. The copy shares the
  // table of open files, so that closing them in the original closes them here too. Errors say why
  // there is none: no headroom, a limit on processes, the system call failed.
  static Result<std::unique_ptr<Snapshot>> make(const Injector& injector, pid_t tid,
                                                const Captured& captured);
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ~Snapshot();

  pid_t pid() const { return process_.pid(); }
  const Proc& process() const { return process_; }
  const RemoteMemory& memory() const { return memory_; }
  // Kills it, also from a child of ours, when the original is gone, which is waited for at most a
  // second: while the two share their pages the original need not free them, and is gone sooner.
  void end_after_original() const;

 private:
  Snapshot(Proc process, Proc original);
  void end() const;
  Proc process_, original_;
  RemoteMemory memory_;
  pid_t owner_;  // only in this process it is killed at the end, not in our children
};

// Why a copy of so much memory must not be made now; empty when it may. While the copy is kept, the
// next instance fills as much again.
std::string why_no_headroom(uint64_t resident_kib);
// The same as a pure function: what the system has left, what the control group has left.
std::string why_no_headroom(uint64_t resident_kib, uint64_t available_kib,
                            std::optional<uint64_t> group_left_kib);

}  // namespace inquest::capture
