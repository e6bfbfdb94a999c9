// Machine code that V8 made: which code object holds an instruction, and what that object tells of
// its source.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "process/runtime/v8/functions.h"

namespace inquest::process::v8 {

struct Code {
  Address instructions;            // where they start
  std::optional<Word> deopt_data;  // of optimised code
  std::vector<Word> byte_arrays;   // its tables, in the order of its fields
};

// The code object that holds `pc`; nullopt: none does, or it cannot be read.
std::optional<Code> code_at(const Heap& heap, Address pc);

// A call that the compiler put into its caller, or the outermost function itself.
struct InlinedCall {
  std::optional<Word> shared;  // its function; nullopt: that of the frame
  uint32_t offset = 0;         // in its script, in characters
};

// What optimised code executes at `pc`, innermost first. `is_return`: pc is where a call returns
// to. Empty: the code does not tell.
std::vector<InlinedCall> calls_at(const Heap& heap, const Code& code, Address pc, bool is_return);

}  // namespace inquest::process::v8
