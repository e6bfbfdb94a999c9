// Stacks as language runtimes print them: a function of that language and a place in its source.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/address.h"
#include "diagnosis/facts/facts.h"
#include "diagnosis/text/format.h"

namespace inquest::diagnosis {

enum class Language : uint8_t { kGo, kPython, kJavaScript, kJava, kRuby, kPhp, kDotNet };

// Whose code it is, by the habits of the language: its standard library and what package managers
// installed are libraries, everything else is the user's.
CodeRole runtime_role(Language language, std::string_view function, std::string_view file);

struct RuntimeFrame {
  std::string function;    // as printed, perhaps with arguments; may be empty
  std::string short_name;  // without them; empty: the same as `function`
  std::string file;
  uint32_t line = 0, column = 0;
  std::string module;
  Address pc;
  CodeRole role = CodeRole::kUnknown;
};

// Frames beyond a limit are only counted.
void append_runtime_frame(RuntimeFrame frame, StackFacts& stack);

// "a.js:3:5", "/a/b.py:3", "https://x/y.js:1:2": file, line, column. False when there is no line.
bool parse_runtime_place(std::string_view text, RuntimeFrame& frame);

// Lines of the report, for people: the first `count` of `lines`, within limits.
void add_excerpt(TextLines lines, size_t count, ReportedFacts& reported);

// What every reader of a runtime's report does last: excerpt, folded recursion, roles, the frame to
// open first. Returns `count`.
size_t finish_report(TextLines lines, size_t count, std::string_view format, TextReport& report);

}  // namespace inquest::diagnosis
