// capture(): a stopped process becomes a Captured in memory, in about a millisecond; closer_look.h
// brings it to its end; record_of(): that becomes a slim record, a sparse ELF core.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "capture/record/circumstances.h"
#include "capture/record/page_store.h"
#include "capture/record/stop.h"

namespace inquest::capture {

struct CaptureOptions {
  StopLimits stop;
  GatherLimits gather;
};

// What a handler in the process said: where the kernel's context of the signal lies.
struct HandlerContext {
  Address ucontext, siginfo, annotations;
  uint32_t annotations_size = 0;
};

struct Captured {
  pid_t pid = 0;
  int signal = 0;
  std::string how;  // see Held
  std::string captured_at;
  Fidelity fidelity = Fidelity::kSlim;
  Circumstances circumstances;
  std::vector<ThreadState> threads;
  std::vector<LiveMapping> mappings;
  PageStore pages;
  // By the start of the mapping, perhaps not of all; known after the closer look at the latest.
  std::map<uint64_t, MappingFlags> flags;
  std::vector<LeftOut> left_out;
  std::vector<std::pair<std::string, std::string>> annotations;
  std::string last_words;  // of stderr
  std::vector<std::pair<std::string, int64_t>> timings_us;
};

// A process that is held, by ptrace or by the kernel that waits for its core to be read.
struct Held {
  std::vector<ThreadState> threads;  // the crashed one first
  bool some_left_out = false;        // there are more
  std::string how;                   // "ptrace", "handler", "kernel"
};

// What is kept of every crash. `process` must go on being held until this returns. What the program
// keeps out of dumps may be in it still: each capture has to be ended by a closer look.
Result<Captured> capture(const Proc& process, Held held, int signal,
                         const std::optional<HandlerContext>& handler,
                         const CaptureOptions& options);

// The time now as `captured_at` has it.
std::string now_text();
// "key=value\0key=value\0", as a handler has them.
std::vector<std::pair<std::string, std::string>> parse_annotations(ByteView text);

// The notes of its record, or of a full core of the same process.
Bytes notes_of(const Captured& captured);

// The record as bytes of an ELF core, not compressed.
Bytes record_of(const Captured& captured);

}  // namespace inquest::capture
