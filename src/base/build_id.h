// BuildId: the bytes of NT_GNU_BUILD_ID, the only identity of a binary that we trust.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace inquest {

class BuildId {
 public:
  static constexpr size_t kMaxSize = 64;  // GNU ld writes 20 (SHA-1), others 8 or 16

  BuildId() = default;
  // Bytes beyond kMaxSize are dropped.
  explicit BuildId(ByteView bytes)
      : bytes_(bytes.begin(), bytes.begin() + std::min(bytes.size(), kMaxSize)) {}
  // Lower- or upper-case hexadecimal digits, an even number of them.
  static std::optional<BuildId> from_hex(std::string_view hex);

  bool empty() const { return bytes_.empty(); }
  ByteView bytes() const { return bytes_; }
  std::string hex() const;
  bool operator==(const BuildId&) const = default;
  auto operator<=>(const BuildId&) const = default;

 private:
  Bytes bytes_;
};

}  // namespace inquest
