#include "diagnosis/text/utf16.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxBytes = size_t{512} << 20;
constexpr char32_t kUnknown = 0xfffd;

void append(char32_t code, std::string& out) {
  const auto byte = [&](char32_t value) { out += static_cast<char>(value); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0 | code >> 6);
    byte(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    byte(0xe0 | code >> 12);
    byte(0x80 | (code >> 6 & 0x3f));
    byte(0x80 | (code & 0x3f));
  } else {
    byte(0xf0 | code >> 18);
    byte(0x80 | (code >> 12 & 0x3f));
    byte(0x80 | (code >> 6 & 0x3f));
    byte(0x80 | (code & 0x3f));
  }
}

}  // namespace

std::optional<std::string> from_utf16(std::string_view text) {
  const bool little = text.starts_with("\xff\xfe"), big = text.starts_with("\xfe\xff");
  if (!little && !big) return std::nullopt;
  text = text.substr(2, kMaxBytes);
  const auto unit = [&](size_t at) {
    const auto first = static_cast<uint8_t>(text[at]), second = static_cast<uint8_t>(text[at + 1]);
    return static_cast<char32_t>(little ? first | second << 8 : first << 8 | second);
  };
  std::string out;
  out.reserve(text.size() / 2);
  for (size_t at = 0; at + 1 < text.size(); at += 2) {
    const char32_t code = unit(at);
    if (code < 0xd800 || code > 0xdfff) {
      append(code, out);
      continue;
    }
    const char32_t next = code < 0xdc00 && at + 3 < text.size() ? unit(at + 2) : 0;
    if (next < 0xdc00 || next > 0xdfff) {
      append(kUnknown, out);
      continue;
    }
    append(0x10000 + ((code - 0xd800) << 10) + (next - 0xdc00), out);
    at += 2;
  }
  return out;
}

}  // namespace inquest::diagnosis
