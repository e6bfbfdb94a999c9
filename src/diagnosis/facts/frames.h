// Frames for people: a walked stack with names, source lines and roles; and which of them to open
// first.
#pragma once

#include <optional>

#include "diagnosis/facts/facts.h"
#include "process/modules/modules.h"
#include "process/symbols/symbols.h"
#include "process/symbols/variables.h"
#include "process/unwind/frame.h"

namespace inquest::diagnosis {

StackFacts describe_stack(const process::Thread& thread, const process::Stack& stack,
                          process::Symbolizer& symbols);

struct UserPlace {
  size_t frame = 0;     // index into StackFacts::frames
  size_t function = 0;  // index into FrameFact::functions
};
// The innermost function in user code from frame `from` on; among frames that were found by
// guessing only when there is no other.
std::optional<UserPlace> find_user_place(const StackFacts& stack, size_t from);

// The innermost frame, from `from` on, that is more than the machinery of ending the process.
size_t first_frame_below_abort(const StackFacts& stack, size_t from);

// Arguments and locals of stack.frames[index] into `frame`.
void add_variables(const process::Stack& stack, size_t index, process::VariableReader& reader,
                   FrameFact& frame);
// Lines around each of the frame's functions, as far as the files are at hand.
void add_source(FrameFact& frame);

// "0x55… in order.cc", for evidence: "frame 2: checkout()"
std::string frame_text(const StackFacts& stack, size_t index);

}  // namespace inquest::diagnosis
