// Runs the analysis on a stopped process or a copy of it, in a child with a deadline, and keeps
// what it read.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "capture/record/live_memory.h"

namespace inquest::capture {

// The analysis: reads the process through `memory` as it will later read its record. `notes` is
// the record without any memory: an ELF core with its notes. Runs in a child process whose output
// nobody sees.
using Analyse = std::function<void(ByteView notes, std::unique_ptr<process::MemoryReader> memory)>;

struct AnalysisResult {
  std::string why_incomplete;  // for people; empty when the analysis came to its end
  uint32_t over = 0;           // pages it read that were over the limit
};

// A child at work.
class RunningAnalysis {
 public:
  // Never blocks for long: forks. `touched` must outlive it.
  static Result<RunningAnalysis> start(const Analyse& analyse, ByteView notes,
                                       const LiveSource& source, TouchedPages& touched);
  RunningAnalysis(RunningAnalysis&& other) noexcept;
  RunningAnalysis& operator=(RunningAnalysis&&) = delete;
  RunningAnalysis(const RunningAnalysis&) = delete;
  RunningAnalysis& operator=(const RunningAnalysis&) = delete;
  ~RunningAnalysis();  // ends it

  // Waits until `deadline`, then ends it.
  AnalysisResult finish(std::chrono::steady_clock::time_point deadline);

 private:
  RunningAnalysis(pid_t pid, TouchedPages& touched) : pid_(pid), touched_(&touched) {}
  pid_t pid_;
  TouchedPages* touched_;
};

}  // namespace inquest::capture
