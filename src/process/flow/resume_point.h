// ResumePoint: where a coroutine would go on. The function that resumes it jumps by a number in
// its frame, which says at which of its awaits it stands; what the number means only the code
// knows.
#pragma once

#include <vector>

#include "base/address.h"
#include "binary/isa/registers.h"
#include "process/image/memory.h"

namespace inquest::process {

inline constexpr size_t kMaxResumeSteps = 2'000;  // instructions
inline constexpr size_t kMaxResumed = 64;
inline constexpr uint64_t kMaxResumeReach = 1024 * 1024;  // bytes from the function's start

// Follows the function at `resume` as it would run with `frame` for its argument: with the values
// that the frame has, up to the first instruction that changes anything but registers and its own
// stack. Answers the instructions from the last jump that went by a number of the frame to there,
// at most kMaxResumed of them; the first is where the coroutine goes on. Empty: there was no such
// jump, or something that it depends on is not known.
std::vector<Address> find_resume_point(isa::Arch arch, const MemoryReader& memory, Address resume,
                                       Address frame);

}  // namespace inquest::process
