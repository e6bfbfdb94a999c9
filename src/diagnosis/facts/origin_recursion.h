// Blame for a stack that is full of calls of a function to itself: which pointer the recursion goes
// along, who sets it, and whether it leads round in a circle.
#pragma once

#include "diagnosis/facts/facts.h"
#include "diagnosis/facts/origin_code.h"
#include "diagnosis/facts/origin_trace.h"

namespace inquest::diagnosis {

// False when the stack is no such one, and nobody was blamed.
bool blame_recursion(OriginCode& code, OriginTrace& trace, const Facts& facts);

}  // namespace inquest::diagnosis
