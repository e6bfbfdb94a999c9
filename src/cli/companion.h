// Files that belong to this program and lie near it: the handler to preload, the canaries.
#pragma once

#include <string>

namespace inquest::cli {

// Where this program lies; empty when that cannot be told.
std::string own_path();
// Beside it, in the build's lib directory, or where packages put it; empty when it is nowhere.
std::string find_companion(const std::string& name);

}  // namespace inquest::cli
