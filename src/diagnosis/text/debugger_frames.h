// Frames as gdb and lldb print them, with the arguments that the debugger knew.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "diagnosis/text/stack_lines.h"

namespace inquest::diagnosis {

struct DebuggerFrame {
  StackLine line;
  std::string_view arguments;  // "cart=0x0, n=3", without the brackets
};

// "#0  0x4f2 in f (x=1) at a.cc:3", "#1  <signal handler called>"
std::optional<DebuggerFrame> parse_gdb_frame(std::string_view text);
// "* frame #0: 0x4f2 crash`f(x=1) at a.cc:3:5"
std::optional<DebuggerFrame> parse_lldb_frame(std::string_view text);

// "cart=0x0, name=\"a, b\", n=<optimized out>" as variables.
std::vector<VariableFact> parse_arguments(std::string_view text);

// Appends the frame with its arguments.
void append_debugger_frame(const DebuggerFrame& frame, StackFacts& stack);

}  // namespace inquest::diagnosis
