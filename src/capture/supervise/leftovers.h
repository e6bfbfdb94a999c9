// Leftovers: what a program that died leaves running, its children and theirs. They hold its ports,
// its locks and its shared memory, so that the next instance could not start: they are asked to
// end, and killed when they do not.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include "capture/record/proc.h"

namespace inquest::capture {

class Leftovers {
 public:
  using Clock = std::chrono::steady_clock;
  using Spared = std::function<bool(pid_t)>;

  // The first call asks all below `roots` to end (SIGTERM), but not who is spared, nor what is
  // below those; the next ones look. True when none runs any more, or when they did not even die of
  // SIGKILL in time: whoever starts something now may. The call after that is a first one again.
  bool ended(const std::vector<pid_t>& roots, const Spared& spared, Clock::time_point now);
  // When to look again; nothing when nobody was asked.
  std::optional<Clock::time_point> look_at() const { return look_at_; }

 private:
  void ask(const std::vector<pid_t>& roots, const Spared& spared);

  std::vector<Proc> running_;
  std::optional<Clock::time_point> look_at_;
  Clock::time_point kill_at_, give_up_at_;
};

// The children of a process, of all its threads; empty where the kernel does not tell.
std::vector<pid_t> children_of(pid_t pid);

}  // namespace inquest::capture
