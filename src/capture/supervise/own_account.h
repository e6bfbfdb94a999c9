// What a dying process tells of itself where nobody may read it from outside (no ptrace in the
// sandbox): pieces of its memory over its connection, after INQUEST_REPLY_WRITE_YOURSELF.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "capture/record/capture.h"

namespace inquest::capture {

struct OwnAccount {
  Bytes ucontext, siginfo;
  std::string maps, auxv, annotations;
  std::map<uint64_t, Bytes> memory;  // by address, pieces that follow each other joined
  bool complete = false;             // it came to its end
};

// Adds one packet (struct inquest_memory_piece and its bytes). False when it is the last, or none.
bool add_piece(ByteView packet, OwnAccount& account);
// Reads packets until the last one, the deadline, or a limit on their size.
OwnAccount receive_account(int connection, std::chrono::steady_clock::time_point deadline);

// The account of one thread of `process` as if it had been captured. `why`: why it was not.
Result<Captured> captured_of(const Proc& process, pid_t tid, int signal, OwnAccount account,
                             const std::string& why);

}  // namespace inquest::capture
