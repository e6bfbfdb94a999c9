// The reports of signal handlers that programs install: abseil, glog, folly, Chromium, breakpad,
// boost.test. Internal to text.
#pragma once

#include <cstddef>

#include "diagnosis/facts/facts.h"
#include "diagnosis/text/report_lines.h"

namespace inquest::diagnosis {

// Reads such a report at lines[0]: the signal, and the stack that follows. Returns the lines that
// it takes, 0 when none begins there.
size_t read_failure_signal(TextLines lines, Facts& facts);

// The first frame that is not the handler's own: behind the signal's trampoline, or behind the
// functions that print stacks.
size_t first_frame_behind_handler(const StackFacts& stack);

}  // namespace inquest::diagnosis
