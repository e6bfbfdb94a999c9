// capture(): a stopped process becomes a Captured in memory, in about a millisecond; record_of():
// that becomes a slim record, a sparse ELF core. Between the two the process may die.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "capture/record/analysis.h"
#include "capture/record/circumstances.h"
#include "capture/record/page_store.h"
#include "capture/record/stop.h"

namespace inquest::capture {

struct Captured;

struct CaptureOptions {
  StopLimits stop;
  GatherLimits gather;
  Analyse analyse;  // empty: none
  std::chrono::milliseconds analysis_budget{150};
  uint32_t max_analysis_pages = 16384;
  // How long the kernel may take to say which mappings are not to be dumped: it looks at each page.
  std::chrono::milliseconds flags_budget{250};
  // Called when the memory that is always kept has been read, before the analysis: the moment to
  // free the ports. Its answer says why the analysis is not worth its time; empty: it is.
  std::function<std::string(const Captured&)> when_gathered;
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
  std::map<uint64_t, MappingFlags> flags;  // by the start of the mapping; perhaps not of all
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

// `process` must go on being held until this returns.
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
