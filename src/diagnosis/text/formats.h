// The formats that are known, in the order in which they are asked. One source file a format.
#pragma once

#include <span>

#include "diagnosis/text/format.h"

namespace inquest::diagnosis {

extern const Format kOomKill;  // the kernel's out-of-memory killer

std::span<const Format* const> formats();

}  // namespace inquest::diagnosis
