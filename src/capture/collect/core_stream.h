// CoreStream: a core as it comes out of the kernel, front to back. Its head (headers and notes: all
// threads' registers) is a few kilobytes a thread and comes first; while nobody reads on, the
// kernel waits and the process is held.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "capture/record/stop.h"

namespace inquest::capture {

class CoreStream {
 public:
  // `fd` must outlive it.
  explicit CoreStream(int fd) : fd_(fd) {}

  // Reads up to the end of the notes. kCorrupt or kTruncated when that is no core.
  Status read_head();
  ByteView head() const { return head_; }
  // Bytes that the whole core will have, as its program headers say.
  uint64_t promised() const { return promised_; }
  // Mappings by their start: does the kernel dump any of it?
  const std::map<uint64_t, bool>& dumped() const { return dumped_; }
  // The signal, and the threads, the one that crashed first.
  int signal() const { return signal_; }
  std::vector<ThreadState>& threads() { return threads_; }

  // Passes the rest on, piece by piece, until its end or `deadline`; false when it was cut short
  // then. Pieces are of kPiece bytes, but for the last.
  static constexpr size_t kPiece = 1 << 20;
  Result<bool> pump(std::chrono::steady_clock::time_point deadline,
                    const std::function<Status(ByteView)>& take);

 private:
  Status read_to(size_t size);
  Status read_notes(ByteView notes);

  int fd_;
  Bytes head_;
  uint64_t promised_ = 0;
  std::map<uint64_t, bool> dumped_;
  int signal_ = 0;
  std::vector<ThreadState> threads_;
};

}  // namespace inquest::capture
