// Frames for people: a walked stack with names, source lines and roles.
#pragma once

#include "diagnosis/facts/facts.h"
#include "process/modules/modules.h"
#include "process/symbols/symbols.h"
#include "process/symbols/variables.h"
#include "process/unwind/frame.h"

namespace inquest::diagnosis {

// One function of an annotated frame, with its role.
FunctionFact describe_function(const process::SourceFrame& source,
                               const process::AnnotatedFrame& frame);

StackFacts describe_stack(const process::Thread& thread, const process::Stack& stack,
                          process::Symbolizer& symbols);

// Arguments and locals of stack.frames[index] into `frame`.
void add_variables(const process::Stack& stack, size_t index, process::VariableReader& reader,
                   FrameFact& frame);
// Lines around each of the frame's functions, as far as the files are at hand.
// Not of files that were changed after `binary` (a path; may be empty).
void add_source(FrameFact& frame, const std::string& binary);

// "0x55… in order.cc", for evidence: "frame 2: checkout()"
std::string frame_text(const StackFacts& stack, size_t index);

}  // namespace inquest::diagnosis
