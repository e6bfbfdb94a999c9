// Signal frames: what the kernel saved on the stack when it called a signal handler.
//
// Layouts: Linux arch/x86/include/uapi/asm/{sigcontext,ucontext}.h,
// arch/arm64/include/uapi/asm/{sigcontext,ucontext}.h.
#pragma once

#include <optional>

#include "binary/isa/registers.h"
#include "process/unwind/code_sites.h"

namespace inquest::process {

// All integer registers of the interrupted code, from the frame at `sp` as it is in the trampoline
// that handlers return to (and, where the trampoline is not known as such, as the handler left it).
// nullopt when it is not all there.
std::optional<isa::RegisterFile> read_signal_frame(isa::Arch arch, Address sp,
                                                   const MemoryReader& memory);

// Does what lies at `sp` look like such a frame? For trampolines whose code is not at hand.
bool looks_like_signal_frame(Address sp, CodeSites& sites);

}  // namespace inquest::process
