// Signals by name: SIGSEGV, SEGV_MAPERR and what they mean. Numbers are those of x86-64 and AArch64
// Linux, which agree.
#pragma once

#include <string>
#include <string_view>

#include "binary/isa/registers.h"
#include "diagnosis/facts/facts.h"
#include "process/image/process_image.h"

namespace inquest::diagnosis {

inline constexpr int kSigIll = 4, kSigTrap = 5, kSigAbrt = 6, kSigBus = 7, kSigFpe = 8,
                     kSigKill = 9, kSigSegv = 11, kSigSys = 31;
inline constexpr int kSiUser = 0, kSiKernel = 128, kSiQueue = -1, kSiTkill = -6;

std::string signal_name(int number);  // "SIGSEGV", "SIGRTMIN+3", "signal 99"
// "SEGV_MAPERR"; the number when it is not known.
std::string signal_code_name(int number, int code);
// "address not mapped"; empty when the code says nothing more than the signal.
std::string_view signal_code_meaning(int number, int code);
// Does the kernel raise it because of the instruction that ran (SEGV, BUS, ILL, FPE, TRAP, SYS)?
bool is_fault_signal(int number);
// "openat"; empty when unknown.
std::string_view system_call_name(isa::Arch arch, int number);

// Names and meaning of what was recorded. `pid` and `tids` tell a signal sent to itself from
// another's.
SignalFacts describe_signal(const process::Signal& signal, const process::ProcessImage& image);

}  // namespace inquest::diagnosis
