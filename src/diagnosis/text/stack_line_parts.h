// The parts of a printed frame that several tools share. Internal to stack_lines and tests.
#pragma once

#include <string_view>

#include "diagnosis/text/stack_lines.h"

namespace inquest::diagnosis {

inline constexpr uint64_t kMaxFrameNumber = 1'000'000;

// Cuts a trailing "(BuildId: ab12)" off `rest`.
void take_build_id(std::string_view& rest, StackLine& line);
// A function's text without "+0x12"; empty for "??", "<null>", "(unknown)" and their like.
std::string_view function_text(std::string_view text);
// "f(int) src/a.cc:3:5", "f(int) (app+0x12)", "f (x=1) at a.cc:3", "f() [../a.cc:3:5]", or one of
// these parts alone. True always but for what makes no sense as a frame.
bool parse_named(std::string_view text, StackLine& line);
// A frame without a pc: is there enough else to tell it from a numbered list of something?
bool is_certain_frame(const StackLine& line);

}  // namespace inquest::diagnosis
