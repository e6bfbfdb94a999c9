// walk: from a thread's registers to its stack, down the ladder context → CFI → frame pointer →
// scan.
#pragma once

#include <memory>

#include "process/image/process_image.h"
#include "process/modules/modules.h"
#include "process/unwind/frame.h"

namespace inquest::process {

struct UnwindOptions {
  size_t max_frames = 1'000'000;  // walked, cycles included
  size_t max_kept = 2048;         // kept in Stack::frames after folding a cycle
};

// Walks stacks of one image. Keeps rows of CFI by pc, so that a thousand equal threads cost one.
// Not thread-safe; make one per thread of ours.
class Unwinder {
 public:
  Unwinder(const ProcessImage& image, const ModuleSet& modules);
  ~Unwinder();

  Stack walk(const Thread& thread, const UnwindOptions& options = {});
  // From any register state: a saved ucontext, a guess.
  Stack walk_from(const isa::RegisterFile& registers, const UnwindOptions& options = {});

  // What the call frame information says is the function, or the part of one, around `pc`.
  std::optional<AddressRange> function_at(Address pc);
  // Does the return address stand where it stood when the function at `pc` was entered? A function
  // that is left by a jump is left like that. nullopt: no call frame information says.
  std::optional<bool> is_as_at_entry(Address pc);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace inquest::process
