// Signature: what crashes of one bug have in common, stable over rebuilds and hosts, and explained.
//
// Two stacks come of it: one to read (names as people write them, with places), one to group by
// (normalised names). The rules are versioned: signatures of different versions are never compared.
// Version 1 is of stacks that are all native, version 2 of those with frames of a language that a
// run time executes: where in the run time one bug shows differs from crash to crash.
// See docs/signature.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "diagnosis/facts/facts.h"

namespace inquest::diagnosis {

// What was done with one function of the crashing stack, or with the fault, and why.
struct SignatureStep {
  enum class Action : uint8_t { kKept, kSkipped, kFolded, kStopped };
  Action action = Action::kSkipped;
  size_t frame = 0;    // index into Facts::crashing.frames
  std::string input;   // the name as the stack has it
  std::string output;  // what was kept of it; empty when not kept
  std::string reason;  // "kept: the program's own code", "skipped: C library"
};
std::string_view to_string(SignatureStep::Action action);

struct Signature {
  static constexpr int kVersion = 1;
  // Of stacks with frames of a language that a run time executes.
  static constexpr int kScriptVersion = 2;
  static constexpr size_t kMaxFrames = 5;

  int version = kVersion;
  std::string id;     // 16 hexadecimal digits: SHA-256 of version, fault and frames, shortened
  std::string fault;  // "segv-read-null", "abrt-assertion", "heap-use-after-free"
  std::vector<std::string> frames;  // to group by, innermost first: at most kMaxFrames
  std::vector<std::string> stack;   // to read: the kept functions with their places
  std::string confidence;           // "high", "medium", "low"
  std::string why_not_high;         // empty when it is
  std::vector<SignatureStep> steps;

  // "segv-read-null | shop::quote | shop::Service::process"
  std::string title() const;
};

Signature sign(const Facts& facts);

// The kind of fault alone: the same for a core and for a sanitizer's report of the same access.
std::string fault_kind(const Facts& facts);

// A name to group by: without parameters, template arguments, compiler suffixes, ABI tags, inline
// namespaces, numbers of lambdas and closures, and Rust's hashes.
std::string grouping_name(std::string_view name);

}  // namespace inquest::diagnosis
