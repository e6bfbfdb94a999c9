// Bytes written as hex digits, for the tests of this room.
#pragma once

#include <charconv>
#include <string_view>

#include "base/bytes.h"
#include "base/check.h"

namespace inquest::isa {

inline Bytes from_hex(std::string_view digits) {
  Bytes bytes(digits.size() / 2);
  for (size_t i = 0; i < bytes.size(); ++i) {
    const char* at = digits.data() + 2 * i;
    INQ_CHECK(std::from_chars(at, at + 2, bytes[i], 16).ptr == at + 2);
  }
  return bytes;
}

}  // namespace inquest::isa
