// The original fault behind a process's own crash handler: the signal frame that the kernel built
// for the handler still holds what the first signal was.
#pragma once

#include <optional>

#include "process/image/process_image.h"
#include "process/modules/modules.h"
#include "process/unwind/frame.h"

namespace inquest::diagnosis {

struct InterruptedPlace {
  size_t frame = 0;        // of the interrupted code: the one below the trampoline
  process::Signal signal;  // number 0 when the signal frame could not be read
};

// The outermost signal frame of the stack that was built for a fault or an abort: what came after
// it happened in the handler. nullopt when there is none (signals such as SIGALRM are no crash).
std::optional<InterruptedPlace> find_interrupted_place(const process::ProcessImage& image,
                                                       const process::ModuleSet& modules,
                                                       const process::Stack& stack);

// siginfo_t of a signal frame, given the registers of the trampoline frame. nullopt when it does
// not read as one.
std::optional<process::Signal> read_signal_frame(const isa::RegisterFile& trampoline,
                                                 const process::MemoryReader& memory);

// The same when the handler was set without SA_SIGINFO, and the kernel left siginfo out: what the
// saved context and the interrupted instruction say together. nullopt when they do not agree on a
// crash.
std::optional<process::Signal> infer_signal(const process::ProcessImage& image,
                                            const process::ModuleSet& modules,
                                            const isa::RegisterFile& trampoline,
                                            const process::Frame& interrupted);

}  // namespace inquest::diagnosis
