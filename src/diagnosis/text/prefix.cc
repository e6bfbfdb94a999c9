#include "diagnosis/text/prefix.h"

namespace inquest::diagnosis {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "[12345.678901] "
size_t kernel_clock(std::string_view line) {
  if (!line.starts_with('[')) return 0;
  const size_t end = line.find("] ");
  if (end == std::string_view::npos || end > 20) return 0;
  for (const char c : line.substr(1, end - 1)) {
    if (!is_digit(c) && c != '.' && c != ' ') return 0;
  }
  return end + 2;
}

}  // namespace

Prefix find_prefix(std::string_view line) { return {.size = kernel_clock(line), .writer = {}}; }

}  // namespace inquest::diagnosis
