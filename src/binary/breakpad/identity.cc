#include "binary/breakpad/identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace inquest::breakpad {
namespace {

constexpr size_t kGuidSize = 16;
constexpr size_t kGuidDigits = 2 * kGuidSize;
// Where each byte of the text stands in the identity: a 32-bit and two 16-bit numbers, then bytes.
constexpr std::array<size_t, kGuidSize> kOrder = {3, 2, 1,  0,  5,  4,  7,  6,
                                                  8, 9, 10, 11, 12, 13, 14, 15};

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

}  // namespace

std::string debug_id(const BuildId& identity) {
  if (identity.empty()) return {};
  const ByteView bytes = identity.bytes();
  std::string text;
  for (const size_t at : kOrder) {
    text += fmt::format("{:02X}", at < bytes.size() ? bytes[at] : uint8_t{0});
  }
  return text + "0";
}

bool names_build(std::string_view id, const BuildId& identity) {
  const std::string wanted = debug_id(identity);
  if (wanted.empty() || id.size() < kGuidDigits) return false;
  return std::equal(id.begin(), id.begin() + kGuidDigits, wanted.begin(),
                    [](char a, char b) { return upper(a) == b; });
}

}  // namespace inquest::breakpad
