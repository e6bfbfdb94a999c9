// The original fault behind a process's own crash handler: the signal frame that the kernel built
// for the handler still holds what the first signal was.
#pragma once

#include <optional>

#include "process/image/process_image.h"
#include "process/unwind/frame.h"

namespace inquest::diagnosis {

struct InterruptedPlace {
  size_t frame = 0;        // of the interrupted code: the one below the trampoline
  process::Signal signal;  // number 0 when the signal frame could not be read
};

// The outermost signal frame of the stack that was built for a fault or an abort: what came after
// it happened in the handler. nullopt when there is none (signals such as SIGALRM are no crash).
std::optional<InterruptedPlace> find_interrupted_place(const process::Stack& stack,
                                                       const process::MemoryReader& memory);

// siginfo_t of a signal frame, given the registers of the trampoline frame. nullopt when it does
// not read as one.
std::optional<process::Signal> read_signal_frame(const isa::RegisterFile& trampoline,
                                                 const process::MemoryReader& memory);

}  // namespace inquest::diagnosis
