// What loggers put before a line, and how it is taken off.
#pragma once

#include <cstddef>
#include <string_view>

namespace inquest::diagnosis {

struct Prefix {
  size_t size = 0;  // bytes of the line that belong to the logger
  // Who wrote the line, when the prefix says it: "web-1  |", "host app[71]:". Lines of different
  // writers never belong to one report. Empty: the prefix names nobody.
  std::string_view writer;
};

Prefix find_prefix(std::string_view line);

}  // namespace inquest::diagnosis
