// Stacks as CPython prints them: faulthandler's (innermost call first) and tracebacks (last).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "diagnosis/text/format.h"
#include "diagnosis/text/runtime_stack.h"

namespace inquest::diagnosis {

// `File "/srv/app.py", line 7 in price` (faulthandler) or `File "app.py", line 7, in price`.
std::optional<RuntimeFrame> python_frame(std::string_view line);

// `File "…"` lines of faulthandler from lines[0] on. Returns the lines taken.
size_t read_faulthandler_frames(TextLines lines, StackFacts& stack);

// Lines of a traceback behind its first one: frames with their source text, marks below it and
// "[Previous line repeated …]". The innermost frame comes first in `stack`.
size_t read_traceback_frames(TextLines lines, StackFacts& stack);

}  // namespace inquest::diagnosis
