// Backtraces as Rust's standard library prints them:
//
//   stack backtrace:
//      0: core::panicking::panic_fmt
//                at /rustc/…/library/core/src/panicking.rs:80:14
//      1:     0x55d74ec79184 - app::main::h1854dee5fd9945b4
#pragma once

#include <string>
#include <string_view>

#include "diagnosis/text/format.h"

namespace inquest::diagnosis {

// The frames that begin at lines[0], after "stack backtrace:". Returns the lines they take.
size_t read_rust_frames(TextLines lines, StackFacts& stack);

// Without the hashes that tell crates and instances apart: "std[e28293b1aa0f68bd]::rt::f",
// "app::main::h1854dee5fd9945b4".
std::string without_rust_hashes(std::string_view name);

// The frame behind the outermost one that carried the panic out; 0 when none did.
size_t first_frame_below_panic(const StackFacts& stack);

}  // namespace inquest::diagnosis
