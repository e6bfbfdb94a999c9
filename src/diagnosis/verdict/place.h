// Where the engineer should look first.
#pragma once

#include <optional>

#include "diagnosis/verdict/verdict.h"

namespace inquest::diagnosis {

// The innermost function of the program's own code from the crash on; when there is none, the
// innermost with a name; nullopt when nothing on the stack has a name or a module.
std::optional<BlamedPlace> blamed_place(const Facts& facts);

}  // namespace inquest::diagnosis
