#include "headers.h"

std::vector<Header> parse_headers(const char* wire, unsigned long length) {
  std::string buffer(wire, length);
  std::vector<Header> out;
  unsigned long at = 0;
  while (at < buffer.size()) {
    const unsigned long colon = buffer.find(':', at), end = buffer.find('\n', at);
    if (colon == std::string::npos || end == std::string::npos) break;
    std::string_view all(buffer);
    out.push_back({all.substr(at, colon - at), all.substr(colon + 1, end - colon - 1)});
    at = end + 1;
  }
  return out;
}
