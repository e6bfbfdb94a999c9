// The texts of /proc/self/maps and smaps come from the kernel, with names of files that anybody
// chose.
extern "C" {
#include "capture/handler/hidden.h"
#include "capture/handler/maps.h"
}

#include <cstdint>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  inq_mapping mapping{};
  for (size_t at = 0; inq_next_mapping(text.data(), text.size(), &at, &mapping) != 0;) {
    if (mapping.begin >= mapping.end) abort();
    if (mapping.path < text.data() ||
        mapping.path + mapping.path_length > text.data() + text.size())
      abort();
  }
  static inq_hidden hidden;
  hidden = {};
  hidden.filter = 0x33;
  for (size_t begin = 0; begin < text.size();) {
    const size_t newline = text.find('\n', begin);
    const size_t end = newline == std::string::npos ? text.size() : newline + 1;
    inq_hidden_line(&hidden, text.data() + begin, end - begin);
    begin = end;
  }
  if (hidden.count > kInqHiddenRanges) abort();
  inq_is_hidden(&hidden, size);
  return 0;
}
