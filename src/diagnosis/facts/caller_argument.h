// A fault inside a function without debug information, or of the standard library, told in terms of
// its caller: `strlen(user->name)` faults inside libc, and `user->name` is what the engineer has to
// look at.
#pragma once

#include "diagnosis/facts/facts.h"
#include "diagnosis/facts/site.h"

namespace inquest::diagnosis {

// Replaces operand.expression by the argument expression of the innermost user frame whose value is
// that of the bad register, when the operand has no expression or only one of library code.
void explain_by_caller(const Site& site, const StackFacts& frames, OperandFacts& operand);

// Was the expression traced into what runs before main()? A value that was followed so far is not
// its own.
bool comes_from_start(const StackFacts& frames, const ExpressionFact& expression);

// The expression that the program passed to the library function at frame `function` as its first
// argument, given that only library code lies between: `batch->payload` for free(). nullopt when it
// cannot be told.
std::optional<ExpressionFact> first_argument(const Site& site, const StackFacts& frames,
                                             size_t function);

}  // namespace inquest::diagnosis
