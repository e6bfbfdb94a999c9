// UTF-8, as far as showing hostile text needs it: decode and encode characters, repair what is not
// valid.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace inquest {

struct Utf8Character {
  char32_t code = 0xfffd;  // U+FFFD when the bytes are not valid UTF-8
  size_t size = 1;         // bytes it takes; 1 for an invalid byte
  bool valid = false;
};

// The first character of `text`, which must not be empty. Overlong forms, surrogates and values
// over U+10FFFF are invalid (Unicode 15, table 3-7).
Utf8Character decode_utf8(std::string_view text);

// Appends `code`; what is no character (a surrogate, over U+10FFFF) becomes U+FFFD.
void append_utf8(std::string& text, uint32_t code);

// UTF-16; half of a surrogate pair becomes U+FFFD.
std::string utf8_of_utf16(std::u16string_view characters);

// `text` with each invalid byte replaced by U+FFFD.
std::string repair_utf8(std::string_view text);

}  // namespace inquest
