// The last words of a process, understood: assertion texts, glibc's heap checks, stack and buffer
// checks, panics.
#pragma once

#include <string_view>

#include "diagnosis/facts/facts.h"

namespace inquest::diagnosis {

inline constexpr size_t kMaxAbortText = 4096;  // bytes of a message that are kept

// What `message` says: kind, message (trimmed), and for assertions and panics condition, file, line
// and function. kOther for text of no known form, kNone for empty text.
AbortFacts parse_abort_text(std::string_view message);

// Printable UTF-8 without control characters but newlines and tabs?
bool is_plausible_text(std::string_view text);

}  // namespace inquest::diagnosis
