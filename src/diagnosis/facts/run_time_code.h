// Whose code the frames of a language's run time are: nobody's own, even where the run time is the
// main program.
#pragma once

#include "diagnosis/facts/facts.h"
#include "process/modules/modules.h"

namespace inquest::diagnosis {

// Sets FrameFact::run_time, and the role of the functions in such frames.
void mark_run_time_code(const process::ModuleSet& modules, StackFacts& stack);

}  // namespace inquest::diagnosis
