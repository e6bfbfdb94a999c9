// The formats that are known, in the order in which they are asked. One source file a format.
#pragma once

#include <span>

#include "diagnosis/text/format.h"

namespace inquest::diagnosis {

extern const Format kKernelFault;  // "segfault at …", "traps: …", "unhandled …"
extern const Format kKernelOops;  // "Oops: …", "BUG: KASAN: …", "Kernel panic …": the kernel itself
extern const Format kFatalSignal;       // "potentially unexpected fatal signal"
extern const Format kAbnormalEnd;       // audit type=1701
extern const Format kKernelSuppressed;  // "N callbacks suppressed"
extern const Format kOomKill;           // the kernel's out-of-memory killer
extern const Format kUserOom;           // systemd-oomd, earlyoom
extern const Format kCoredumpMessage;   // systemd-coredump, coredumpctl info
extern const Format kSupervisor;        // "died of signal 11": stands last

std::span<const Format* const> formats();

}  // namespace inquest::diagnosis
