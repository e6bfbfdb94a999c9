#include "base/utf8.h"

#include <cstdint>

namespace inquest {

namespace {

struct Lead {
  size_t size;
  uint8_t bits;        // of the lead byte that belong to the code
  uint8_t second_low;  // the range of the second byte, which excludes overlong forms and surrogates
  uint8_t second_high;
};

Lead classify(uint8_t byte) {
  if (byte >= 0xc2 && byte <= 0xdf) return {2, 0x1f, 0x80, 0xbf};
  if (byte == 0xe0) return {3, 0x0f, 0xa0, 0xbf};
  if (byte == 0xed) return {3, 0x0f, 0x80, 0x9f};
  if (byte >= 0xe1 && byte <= 0xef) return {3, 0x0f, 0x80, 0xbf};
  if (byte == 0xf0) return {4, 0x07, 0x90, 0xbf};
  if (byte >= 0xf1 && byte <= 0xf3) return {4, 0x07, 0x80, 0xbf};
  if (byte == 0xf4) return {4, 0x07, 0x80, 0x8f};
  return {0, 0, 0, 0};
}

}  // namespace

Utf8Character decode_utf8(std::string_view text) {
  const auto first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) return {first, 1, true};
  const Lead lead = classify(first);
  if (lead.size == 0 || text.size() < lead.size) return {};
  char32_t code = first & lead.bits;
  for (size_t i = 1; i < lead.size; ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    const uint8_t low = i == 1 ? lead.second_low : 0x80;
    const uint8_t high = i == 1 ? lead.second_high : 0xbf;
    if (byte < low || byte > high) return {};
    code = code << 6 | (byte & 0x3f);
  }
  return {code, lead.size, true};
}

void append_utf8(std::string& text, uint32_t code) {
  const auto byte = [&](uint32_t value) { text.push_back(static_cast<char>(value)); };
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) code = 0xfffd;
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xc0 | code >> 6);
  } else if (code < 0x10000) {
    byte(0xe0 | code >> 12);
    byte(0x80 | (code >> 6 & 0x3f));
  } else {
    byte(0xf0 | code >> 18);
    byte(0x80 | (code >> 12 & 0x3f));
    byte(0x80 | (code >> 6 & 0x3f));
  }
  byte(0x80 | (code & 0x3f));
}

std::string utf8_of_utf16(std::u16string_view characters) {
  std::string text;
  text.reserve(characters.size());
  for (size_t i = 0; i < characters.size(); ++i) {
    uint32_t code = characters[i];
    const bool is_high = code >= 0xd800 && code < 0xdc00;
    const uint32_t next = is_high && i + 1 < characters.size() ? characters[i + 1] : 0;
    if (next >= 0xdc00 && next < 0xe000) {
      code = 0x10000 + ((code - 0xd800) << 10) + (next - 0xdc00);
      ++i;
    }
    append_utf8(text, code);
  }
  return text;
}

std::string repair_utf8(std::string_view text) {
  std::string repaired;
  repaired.reserve(text.size());
  while (!text.empty()) {
    const Utf8Character character = decode_utf8(text);
    repaired += character.valid ? text.substr(0, character.size) : "\xef\xbf\xbd";
    text.remove_prefix(character.size);
  }
  return repaired;
}

}  // namespace inquest
