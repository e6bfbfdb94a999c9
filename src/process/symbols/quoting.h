// Quoting: hostile bytes as text that is safe to show.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace inquest::process {

// "\"caf\u00e9\\n\"": control bytes and what is not UTF-8 escaped, quotes around.
std::string quote(ByteView text);
// 'a', '\n', '\x01'
std::string quote_character(uint64_t character);
// Of a code point: 'é', U+202E
std::string quote_wide_character(uint64_t character);
// The code point's bytes; the replacement character for what is none.
std::string utf8(uint64_t character);

}  // namespace inquest::process
