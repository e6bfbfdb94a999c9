// Registers as the kernel prints them, over several lines.
#pragma once

#include <cstddef>

#include "diagnosis/text/format.h"

namespace inquest::diagnosis {

// "pc : 0000aaaad5d10754", "lr : …", "x29: … x28: …" and the lines around them (CPU, Hardware name,
// pstate) into `crash`; returns how many lines belong to the dump.
size_t take_arm_registers(TextLines lines, process::KernelCrash& crash);

// "RIP: 0033:0x401136", "RSP: 002b:…", "RAX: … RBX: … RCX: …", "CR2: …", "Code: …".
size_t take_x86_registers(TextLines lines, process::KernelCrash& crash);

}  // namespace inquest::diagnosis
