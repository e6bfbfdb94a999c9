// Tracer: what to do at each stop of a traced tree (--trace). Passes everything on at once, but the
// delivery of a signal that is about to end a process.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <set>
#include <string>

namespace inquest::capture {

// Signals whose default action ends the process with a core.
bool is_core_signal(int signal);

// Would this signal end the process, by what /proc/PID/status says of it? The kernel takes away the
// handler of a fault that the process blocks or ignores before it delivers it, so what stands there
// at the delivery is what will happen.
bool ends_process(int signal, uint64_t caught, uint64_t ignored);

// Counts stops by signals: over the limit, tracing hurts more than it may.
class StopRate {
 public:
  explicit StopRate(uint32_t per_second) : limit_(per_second) {}
  // True when the limit is passed in the second that begins with the first stop counted.
  bool count(std::chrono::steady_clock::time_point now);

 private:
  uint32_t limit_;
  uint32_t count_ = 0;
  std::chrono::steady_clock::time_point start_{};
};

class Tracer {
 public:
  explicit Tracer(uint32_t max_stops_per_second) : rate_(max_stops_per_second) {}

  struct Event {
    enum class Kind { kNone, kCrash } kind = Kind::kNone;
    pid_t tid = 0, pid = 0;
    int signal = 0;
  };
  // A status that waitpid() gave for a traced thread that stopped. It goes on, unless it is a
  // crash: then it stands, for resume().
  Event stopped(pid_t tid, int status);
  void ended(pid_t tid) { tids_.erase(tid); }
  // A thread that is not the first of its process: its end is told like that of a process. True
  // once.
  void note_thread(pid_t tid) { threads_.insert(tid); }
  bool was_thread(pid_t tid) { return threads_.erase(tid) != 0; }

  // Lets a thread go on, with `signal` (0: none).
  static void resume(pid_t tid, int signal);

  bool active() const { return active_; }
  // Why tracing was given up, once; for people.
  std::string take_notice();

 private:
  void detach_all();

  StopRate rate_;
  std::set<pid_t> tids_, threads_;
  bool active_ = true;  // false: what still stops is detached
  std::string notice_;
};

}  // namespace inquest::capture
