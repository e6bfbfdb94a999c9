#include "process/image/memory.h"

#include <algorithm>

namespace inquest::process {

std::string_view to_string(Missing missing) {
  switch (missing) {
    case Missing::kNone:
      return "present";
    case Missing::kUnmapped:
      return "not mapped";
    case Missing::kNotDumped:
      return "mapped but not dumped";
    case Missing::kNotKept:
      return "not kept in the record";
    case Missing::kNotTold:
      return "not in the dump";
    case Missing::kTruncated:
      return "lost: the core is truncated";
    case Missing::kFileMissing:
      return "in a file that was not found";
    case Missing::kFileMismatch:
      return "in a file that is not the one that crashed";
    case Missing::kFileUnverified:
      return "in a file that could not be verified";
  }
  return "unknown";
}

MemoryRead MemoryReader::read(Address address, std::span<uint8_t> into) const {
  uint64_t done = 0;
  while (done < into.size()) {
    const ByteView part = view(address + done, into.size() - done);
    if (part.empty()) return {done, why_missing(address + done)};
    std::copy(part.begin(), part.end(), into.begin() + static_cast<ptrdiff_t>(done));
    done += part.size();
  }
  return {done, Missing::kNone};
}

std::optional<std::string> MemoryReader::load_c_string(Address address, uint64_t max,
                                                       bool* complete) const {
  std::string text;
  if (complete != nullptr) *complete = false;
  while (text.size() < max) {
    const ByteView part = view(address + text.size(), max - text.size());
    if (part.empty()) {
      if (text.empty()) return std::nullopt;
      return text;
    }
    const std::string_view piece = c_string(part);
    text += piece;
    if (piece.size() < part.size()) {
      if (complete != nullptr) *complete = true;
      return text;
    }
  }
  return text;
}

}  // namespace inquest::process
