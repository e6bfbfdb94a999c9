// Proc: one process, held by pidfd and by its directory in /proc, opened once, so that nothing that
// is read can be of another process that got the same number later.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "platform/os/fd.h"

namespace inquest::capture {

class Proc {
 public:
  // kNotFound when there is no such process (any more).
  static Result<Proc> open(pid_t pid);

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }
  // False once it has ended: what was read before that is whole and is of this process.
  bool is_alive() const;

  // Up to `max` bytes of a file below /proc/PID ("maps", "task/71/status").
  Result<std::string> read(const std::string& name, size_t max) const;
  Result<os::Fd> open_file(const std::string& name, int flags) const;
  // Where a link below /proc/PID leads; empty when it cannot be told.
  std::string link(const std::string& name) const;
  // Names in a directory below /proc/PID, sorted as numbers, at most `max`.
  std::vector<int> numbers_in(const std::string& name, size_t max, bool* more) const;

 private:
  pid_t pid_ = 0;
  os::Fd pidfd_;
  os::Fd directory_;
};

}  // namespace inquest::capture
