// Printed stacks: one line a frame, in the many forms that tools print them.
//
//   #0 0x4f2 in f(int) src/a.cc:3:5            sanitizers, symbolised
//   #0 0x4f2 in f(int) (/bin/app+0x4f2) (BuildId: ab12)
//   #0 0x4f2  (/bin/app+0x4f2)                 not symbolised
//   #0 f(int) src/a.cc:3 (app+0x4f2)           ThreadSanitizer
//   #0 0x4f2 base::F() [../a.cc:3:5]           Chromium
//   #0  0x4f2 in f (x=1) at a.cc:3             gdb; "from lib.so" without lines
//   @ 0x4f2 f()                                glog, abseil
//   at 0x4f2: f(int) (a.cc:3)                  valgrind; "by", "(in /lib/x.so)"
//   /bin/app(_Z1fi+0x12) [0x4f2]               glibc's backtrace_symbols
//    0# f(int) at a.cc:3                       boost.stacktrace; "in /bin/app"
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.h"
#include "diagnosis/facts/stack_facts.h"
#include "diagnosis/text/report_lines.h"

namespace inquest::diagnosis {

// What one line says; views into it.
struct StackLine {
  std::optional<uint32_t> number;
  std::optional<Address> pc;
  std::string_view function;  // as printed: with parameters, perhaps mangled; empty: not known
  std::string_view file;
  uint32_t line = 0, column = 0;
  std::string_view module;
  std::optional<uint64_t> module_offset;
  std::string_view build_id;
};

// nullopt when the line is no frame. Only lines that cannot be mistaken for talk count.
std::optional<StackLine> parse_stack_line(std::string_view text);

// "src/a.cc:3:5", "a.cc:3", "C:\a.cc:3", "<null>": file, line and column into `line`; false when it
// is no place in a source file.
bool parse_source_place(std::string_view text, StackLine& line);

// One more frame. A line with the pc of the frame before it and another function is its caller by
// inlining.
void append_frame(const StackLine& line, StackFacts& stack);

// The stack that begins at lines[0], leading blanks allowed. Returns the lines it takes; 0 when
// there is none. Up to two foreign lines between frames are passed over (programs talk while they
// die). Recursion is folded into `cycle`, as in a walked stack.
size_t read_stack(const ReportLines& lines, StackFacts& stack);

// Keeps one round of the innermost recursion; `cycle` says how many there were.
void fold_cycle(StackFacts& stack);

}  // namespace inquest::diagnosis
