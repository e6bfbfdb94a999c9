// A signature of a crash within microseconds, from its record alone: no symbols, no unwinding. Good
// enough to know the same crash of the same build again; the analysis corrects it later.
#pragma once

#include <string>

#include "capture/record/capture.h"

namespace inquest::capture {

// Signal, code, and where the pc and the first words of the stack that lie in code are: module and
// offset in its file. 16 hexadecimal digits.
std::string quick_signature(const Captured& captured);

}  // namespace inquest::capture
