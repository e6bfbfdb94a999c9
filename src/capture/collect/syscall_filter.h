// A filter of system calls (seccomp) for a process that only reads files and computes.
#pragma once

#include "base/result.h"

namespace inquest::capture {

// From here on this process can open files for reading, map them and memory, not executable, write
// to descriptors that are open already, and end. Any other call fails with EPERM: no files made or
// changed, no processes, no network, no signals, no looking at others. Cannot be undone; needs
// no_new_privs. kUnsupported: this kernel filters nothing.
Status keep_only_reading();

}  // namespace inquest::capture
