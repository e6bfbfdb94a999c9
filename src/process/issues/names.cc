#include "process/issues/names.h"

#include <algorithm>
#include <cctype>

namespace inquest::issues {
namespace {

std::string plain(std::string_view manager, std::string_view name) {
  if (manager != "python") return std::string(name);
  std::string text = lower(name);
  std::ranges::replace(text, '_', '-');
  std::ranges::replace(text, '.', '-');
  return text;
}

}  // namespace

std::string lower(std::string_view text) {
  std::string small(text);
  std::ranges::transform(small, small.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return small;
}

bool fits_package(std::string_view pattern, std::string_view manager, std::string_view name) {
  return fits(plain(manager, pattern), plain(manager, name));
}

bool fits(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace inquest::issues
