// Matcher: which of many short strings stand in a line. One pass over the bytes, however many
// strings there are (Aho-Corasick).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "diagnosis/text/format.h"

namespace inquest::diagnosis {

class Matcher {
 public:
  // A bit a format, in their order: at most 64.
  using Mask = uint64_t;
  static constexpr size_t kMaxFormats = 64;

  explicit Matcher(std::span<const Format* const> formats);

  // The formats of which a trigger stands in `line`.
  Mask find(std::string_view line) const;

 private:
  void add(std::string_view trigger, Mask mask);
  void link();

  std::array<uint8_t, 256> class_of_{};  // bytes that stand in no trigger share class 0
  size_t classes_ = 1;
  std::vector<uint32_t> next_;  // [state * classes_ + class]: the state after that byte
  std::vector<Mask> found_;     // [state]: what ends there
};

}  // namespace inquest::diagnosis
