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
// guessing only when there is no other. When there is none at all, that of an interpreter which
// runs the program's code in another language.
std::optional<UserPlace> find_user_place(const StackFacts& stack, size_t from);

// The innermost frame, from `from` on, that is more than the machinery of ending the process.
size_t first_frame_below_abort(const StackFacts& stack, size_t from);

// Is Facts::user_frame in code of the program's own? Else it is in that of an interpreter.
bool has_own_native_code(const Facts& facts);

}  // namespace inquest::diagnosis
