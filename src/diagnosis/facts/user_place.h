// Which frame of a stack to open first. For stacks that were walked and for those that were read
// from a text.
#pragma once

#include <cstddef>
#include <optional>

#include "diagnosis/facts/facts.h"

namespace inquest::diagnosis {

struct UserPlace {
  size_t frame = 0;     // index into StackFacts::frames
  size_t function = 0;  // index into FrameFact::functions
};
// The innermost function in user code from frame `from` on; among frames that were found by
// guessing only when there is no other.
std::optional<UserPlace> find_user_place(const StackFacts& stack, size_t from);
// Likewise in the code of a run time that executes the program's in another language.
std::optional<UserPlace> find_run_time_place(const StackFacts& stack, size_t from);

// Facts::user_frame, or else Facts::run_time_frame, from frame `from` of the crashing stack on.
void set_places(size_t from, Facts& facts);

// The innermost frame, from `from` on, that is more than the machinery of ending the process.
size_t first_frame_below_abort(const StackFacts& stack, size_t from);

}  // namespace inquest::diagnosis
