// The id by which Breakpad names a build of a binary.
#pragma once

#include <string>
#include <string_view>

#include "base/build_id.h"

namespace inquest::breakpad {

// The first 16 bytes of the build-id (zeros where it is shorter) written as a GUID, whose first
// three fields are numbers, and the age, which is 0 on Linux: 33 upper-case hexadecimal digits. Of
// binaries without a build-id, Breakpad takes 16 bytes made of the code; they are written the same
// way. Empty for an empty identity.
std::string debug_id(const BuildId& identity);

// Whether `id`, as a MODULE record or a directory has it, is that of `identity`. The age is not
// compared: writers disagree on it.
bool names_build(std::string_view id, const BuildId& identity);

}  // namespace inquest::breakpad
