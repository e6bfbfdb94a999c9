// Stacks of JavaScript as V8 and JavaScriptCore print them:
//
//     at checkout (/srv/app.js:3:31)
//     at async Server.<anonymous> (file:///srv/app.mjs:9:5)
//     at /srv/app.js:8:36
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "diagnosis/text/format.h"
#include "diagnosis/text/runtime_stack.h"

namespace inquest::diagnosis {

// One line, with or without "at ". nullopt when it names no place.
std::optional<RuntimeFrame> javascript_frame(std::string_view line);

// Lines that begin with "at " from lines[0] on. Returns the lines taken.
size_t read_javascript_frames(TextLines lines, StackFacts& stack);

// "TypeError: Cannot read properties of undefined" → type and message; a text without a type
// becomes the message.
void set_javascript_exception(std::string_view text, AbortFacts& abort);

// "TypeError: x", "AssertionError [ERR_ASSERTION]: y", "Error", "DOMException [DataCloneError]: z"?
bool is_javascript_exception(std::string_view text);

}  // namespace inquest::diagnosis
