// Native stacks as Node and V8 print them:
//
//    1: 0xb090e0 node::Abort() [/usr/bin/node]
//    2: 0xa1b70e  [/usr/bin/node]
//    3: __libc_start_main
//
// and the lines of backtrace_symbols(), with or without a blank before the address.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "diagnosis/text/format.h"
#include "diagnosis/text/stack_lines.h"

namespace inquest::diagnosis {

std::optional<StackLine> parse_numbered_frame(std::string_view text);

// "/usr/bin/app(_Z1fi+0x12)[0x4f2]", "app(+0x12) [0x4f2]", "[0x4f2]"
std::optional<StackLine> parse_symbols_line(std::string_view text);

// Frames of either form from lines[0] on. Returns the lines taken.
size_t read_native_frames(TextLines lines, StackFacts& stack);

}  // namespace inquest::diagnosis
