// Names as known issues write them.
#pragma once

#include <string>
#include <string_view>

namespace inquest::issues {

// Is `text` `pattern`, in which "*" stands for any characters?
bool fits(std::string_view pattern, std::string_view text);

// The same for the name of a package. pip takes "grpc_tools", "grpc.tools" and "Grpc-Tools" for
// one; `manager`: whose package `name` is.
bool fits_package(std::string_view pattern, std::string_view manager, std::string_view name);

// In ASCII's small letters.
std::string lower(std::string_view text);

}  // namespace inquest::issues
