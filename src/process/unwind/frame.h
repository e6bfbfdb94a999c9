// Frame and Stack: how a thread came to where it is. Every frame says how it was found and how far
// to trust it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "binary/isa/registers.h"
#include "process/image/process_image.h"

namespace inquest::process {

enum class FoundBy : uint8_t {
  kContext,       // the thread's own registers
  kCfi,           // call frame information of the callee
  kSignalFrame,   // the context that the kernel saved for a signal handler
  kCallSite,      // pc was null or garbage: the return address that the call had just pushed
  kFramePointer,  // rbp / x29 chain
  kPrologue,      // decoded function start: return address not yet covered by CFI
  kScan,          // a word on the stack that points behind a call instruction
  kTailCall,  // left by a jump to another function: it has no frame any more (symbols/tail_calls)
};
std::string_view to_string(FoundBy how);

enum class Trust : uint8_t { kCertain, kHigh, kMedium, kLow };
std::string_view to_string(Trust trust);

struct Frame {
  Address pc;  // as it stands in the register or on the stack
  std::optional<Address>
      cfa;  // canonical frame address: the caller's sp; unknown for the last frame at times
  FoundBy how = FoundBy::kContext;
  Trust trust = Trust::kCertain;
  bool is_signal_handler_return =
      false;  // this frame is the trampoline that the kernel set up (__restore_rt)
  bool interrupted =
      false;  // pc is the instruction itself, not a return address (frame 0, below a signal frame)
  // kTailCall: the jump that left this function, right before pc; nullopt: one of several did.
  std::optional<Address> jump;
  isa::RegisterFile registers;  // those of this frame; what callees lost is unknown

  // Is pc the very place, not just one in the right function?
  bool is_exact() const { return how != FoundBy::kTailCall || jump.has_value(); }

  // The address to look symbols up with: pc itself when interrupted, else inside the call before
  // it.
  Address lookup_pc() const { return interrupted || pc.is_null() ? pc : pc - 1; }
};

enum class StackEnd : uint8_t {
  kComplete,  // reached the outermost frame (undefined return address, or _start / clone / thread
              // start)
  kNoMoreFrames,   // nothing plausible found further on
  kMissingMemory,  // the stack's pages are not there
  kCorrupt,        // sp did not grow, or the chain left the stack
  kFrameLimit,
};
std::string_view to_string(StackEnd end);

// frames[first .. first + period * count) is one cycle of `period` frames, seen `count` times.
struct Cycle {
  size_t first = 0;
  size_t period = 0;
  size_t count = 0;
};

// Frames left out of a deep stack that does not repeat: `count` of them, right before
// frames[before].
struct OmittedFrames {
  size_t before = 0;
  size_t count = 0;
};

struct Stack {
  // Innermost first. When a cycle is folded, only its first round stays here, and what follows the
  // last round follows it; `total_frames` counts what was walked.
  std::vector<Frame> frames;
  size_t total_frames = 0;
  std::optional<Cycle> cycle;
  std::optional<OmittedFrames> omitted;  // only when more than UnwindOptions::max_kept would stay
  StackEnd end = StackEnd::kNoMoreFrames;
  bool corrupt = false;     // a return address or frame chain was overwritten
  std::vector<Note> notes;  // why it ended, what was skipped
};

}  // namespace inquest::process
