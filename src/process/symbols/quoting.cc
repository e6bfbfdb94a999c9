#include "process/symbols/quoting.h"

#include <fmt/format.h>

namespace inquest::process {
namespace {

// Bytes of the well-formed UTF-8 sequence at the start of `text`; 0 when there is none (Unicode 15,
// table 3-7).
size_t utf8_sequence(ByteView text) {
  const uint8_t lead = text[0];
  const size_t size = lead >= 0xc2 && lead <= 0xdf   ? 2
                      : (lead & 0xf0) == 0xe0        ? 3
                      : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                     : 0;
  if (size == 0 || text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i)
    if ((text[i] & 0xc0) != 0x80) return 0;
  const uint8_t second = text[1];
  if (lead == 0xe0 && second < 0xa0) return 0;
  if (lead == 0xed && second > 0x9f) return 0;
  if (lead == 0xf0 && second < 0x90) return 0;
  if (lead == 0xf4 && second > 0x8f) return 0;
  if (lead == 0xc2 && second < 0xa0) return 0;  // C1 controls
  if (lead == 0xe2 && second == 0x80 && text[2] >= 0xaa && text[2] <= 0xae)
    return 0;  // bidi overrides
  return size;
}

void escape(uint8_t byte, char quote, std::string& out) {
  switch (byte) {
    case '\n':
      out += "\\n";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\\':
      out += "\\\\";
      return;
    default:
      break;
  }
  if (byte == static_cast<uint8_t>(quote)) {
    out += '\\';
    out += quote;
  } else if (byte >= 0x20 && byte < 0x7f) {
    out += static_cast<char>(byte);
  } else {
    out += fmt::format("\\x{:02x}", byte);
  }
}

}  // namespace

std::string quote(ByteView text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    const size_t sequence = text[i] < 0x80 ? 0 : utf8_sequence(text.subspan(i));
    if (sequence == 0) {
      escape(text[i++], '"', out);
    } else {
      out.append(reinterpret_cast<const char*>(text.data() + i), sequence);
      i += sequence;
    }
  }
  out += '"';
  return out;
}

std::string utf8(uint64_t character) {
  const auto six = [&](unsigned shift) {
    return static_cast<char>(0x80 | (character >> shift & 0x3f));
  };
  if (character < 0x80) return {static_cast<char>(character)};
  if (character < 0x800) return {static_cast<char>(0xc0 | character >> 6), six(0)};
  if (character < 0x10000) return {static_cast<char>(0xe0 | character >> 12), six(6), six(0)};
  if (character < 0x110000)
    return {static_cast<char>(0xf0 | character >> 18), six(12), six(6), six(0)};
  return "\xef\xbf\xbd";  // U+FFFD
}

std::string quote_wide_character(uint64_t character) {
  if (character < 0x80) return quote_character(character);
  const std::string text = utf8(character);
  const ByteView bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  if (character < 0x110000 && utf8_sequence(bytes) == text.size()) return "'" + text + "'";
  return fmt::format("U+{:04X}", character);
}

std::string quote_character(uint64_t character) {
  if (character > 0xff) return fmt::format("U+{:04X}", character);
  std::string out = "'";
  if (character == 0) {
    out += "\\0";
  } else {
    escape(static_cast<uint8_t>(character), '\'', out);
  }
  out += '\'';
  return out;
}

}  // namespace inquest::process
