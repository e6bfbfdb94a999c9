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

}  // namespace inquest::process
