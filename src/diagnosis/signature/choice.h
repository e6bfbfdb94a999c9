// What the two ways to choose the frames of a signature have in common. Internal to this room.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "diagnosis/signature/signature.h"

namespace inquest::diagnosis {

// Why a function is no part of what the bug is; nullopt when it is part of it.
std::optional<std::string> reason_to_skip(const FrameFact& frame, const FunctionFact& function);

// How a function without a name is told: the build and the place in it.
std::string unnamed(const FrameFact& frame);

std::string place_of(const FrameFact& frame, const FunctionFact& function);

// How many of the innermost frames are those of the program's own crash handler, the signal frame
// under it included.
size_t count_handler_frames(const Facts& facts);
inline constexpr std::string_view kInHandler = "skipped: the program's own crash handler";

// Of version, fault and frames.
std::string identify(const Signature& signature);

// Whether the stack has frames of a language that a run time executes.
bool has_script_frames(const StackFacts& stack);
// Version 2: everything but the id.
void choose_with_scripts(const Facts& facts, Signature& signature);

// "segv", "segv-stack-overflow", "abrt-assertion": without what differs when one bug of a run time
// shows in several places.
std::string coarse_fault_kind(const Facts& facts);

}  // namespace inquest::diagnosis
