// StderrTail: the last lines that a program wrote to stderr, with as little change to the program
// as can be.
//
// Where stderr is a file, nothing is changed: its end is read when it is asked for. Where it is a
// pipe or socket, the program gets a pipe of ours and a thread copies what comes. A terminal is
// left alone: the program must see it, and somebody looks at it.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>

#include "platform/os/fd.h"

namespace inquest::capture {

inline constexpr size_t kStderrKept = 64 << 10;  // bytes

class StderrTail {
 public:
  // `wanted` false: leaves stderr alone, and knows nothing of it.
  explicit StderrTail(bool wanted);
  StderrTail(const StderrTail&) = delete;
  StderrTail& operator=(const StderrTail&) = delete;
  ~StderrTail();

  // The descriptor that the program is to have as stderr; -1: the one we have.
  int for_program() const { return write_end_.get(); }
  // The last whole lines of what was written by now, at most kStderrKept bytes. Waits a moment for
  // what is on its way, unless nobody reads our own stderr.
  std::string last_lines();
  // Why there are none to be had; empty when there are.
  const std::string& why_not() const { return why_not_; }

 private:
  void pump();
  ssize_t take(std::span<char> buffer);
  std::string taken();

  std::string why_not_;
  bool is_file_ = false;
  os::Fd read_end_, write_end_, stop_;
  std::mutex mutex_;
  std::string kept_;
  std::thread thread_;
};

}  // namespace inquest::capture
