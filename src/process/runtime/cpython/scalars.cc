#include "process/runtime/cpython/scalars.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "base/utf8.h"
#include "process/runtime/cpython/objects.h"

namespace inquest::process::cpython {
namespace {

constexpr uint32_t kDigitBits = 30;
constexpr uint64_t kBillion = 1'000'000'000;

// As float_repr_style "short": the fewest digits that read back, an exponent below 1e-4 and from
// 1e16 on.
std::string shortest(double value, bool add_point) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto scientific =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<size_t>(scientific.ptr - buffer));
  const size_t e = text.find('e');
  int exponent = 0;
  const char* from = text.data() + e + 1 + (text[e + 1] == '+' ? 1 : 0);
  std::from_chars(from, text.data() + text.size(), exponent);
  if (exponent < -4 || exponent >= 16) {
    return fmt::format("{}e{}{:02}", text.substr(0, e), exponent < 0 ? '-' : '+',
                       std::abs(exponent));
  }
  const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  std::string result(buffer, static_cast<size_t>(fixed.ptr - buffer));
  if (add_point && result.find('.') == std::string::npos) result += ".0";
  return result;
}

bool is_printable(uint32_t code) {
  if (code < 0x7f) return code >= 0x20;
  return code > 0xa0 && code != 0xad && !(code >= 0xd800 && code < 0xe000) && code <= 0x10ffff &&
         code != 0x2028 && code != 0x2029 && !(code >= 0x200b && code <= 0x200f) &&
         !(code >= 0x202a && code <= 0x202e) && !(code >= 0x2060 && code <= 0x206f) &&
         code != 0xfeff;
}

void append_escaped(std::string& text, uint32_t code, char quote, bool is_bytes) {
  switch (code) {
    case '\n':
      text += "\\n";
      return;
    case '\r':
      text += "\\r";
      return;
    case '\t':
      text += "\\t";
      return;
    default:
      break;
  }
  if (code == '\\' || code == static_cast<unsigned char>(quote)) {
    text += '\\';
    text += static_cast<char>(code);
  } else if (is_bytes ? code >= 0x20 && code < 0x7f : is_printable(code)) {
    append_utf8(text, code);
  } else if (code <= 0xff) {
    text += fmt::format("\\x{:02x}", code);
  } else if (code <= 0xffff) {
    text += fmt::format("\\u{:04x}", code);
  } else {
    text += fmt::format("\\U{:08x}", code);
  }
}

template <typename List>
std::string quoted(const List& characters, size_t max, bool more, bool is_bytes) {
  const bool has_single = std::find(characters.begin(), characters.end(), '\'') != characters.end();
  const bool has_double = std::find(characters.begin(), characters.end(), '"') != characters.end();
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string text = is_bytes ? "b" : "";
  text += quote;
  const size_t count = std::min(max, characters.size());
  for (size_t i = 0; i < count; ++i) append_escaped(text, characters[i], quote, is_bytes);
  text += quote;
  if (more || count < characters.size()) text += "…";
  return text;
}

}  // namespace

std::string repr_int(std::span<const uint32_t> digits, bool is_negative) {
  std::vector<uint32_t> billions;  // the lowest first
  for (size_t i = digits.size(); i-- > 0;) {
    uint64_t carry = digits[i];
    for (uint32_t& part : billions) {
      const uint64_t value = (uint64_t{part} << kDigitBits) + carry;
      part = static_cast<uint32_t>(value % kBillion);
      carry = value / kBillion;
    }
    for (; carry != 0; carry /= kBillion)
      billions.push_back(static_cast<uint32_t>(carry % kBillion));
  }
  if (billions.empty()) return "0";
  std::string text = fmt::format("{}{}", is_negative ? "-" : "", billions.back());
  for (size_t i = billions.size() - 1; i-- > 0;) text += fmt::format("{:09}", billions[i]);
  return text;
}

std::string repr_float(double value) { return shortest(value, true); }

std::string repr_complex(double real, double imaginary) {
  const std::string end = shortest(imaginary, false) + "j";
  if (real == 0 && !std::signbit(real)) return end;
  const bool has_sign = end.front() == '-';
  return fmt::format("({}{}{})", shortest(real, false), has_sign ? "" : "+", end);
}

std::string repr_text(std::span<const uint32_t> characters, size_t max, bool more) {
  return quoted(characters, max, more, false);
}

std::string repr_bytes(ByteView bytes, size_t max, bool more) {
  return quoted(bytes, max, more, true);
}

}  // namespace inquest::process::cpython
