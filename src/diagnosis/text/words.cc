#include "diagnosis/text/words.h"

#include <charconv>

namespace inquest::diagnosis {
namespace {

std::optional<uint64_t> take_digits(std::string_view& rest, int base) {
  uint64_t value = 0;
  const auto [end, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), value, base);
  if (failure != std::errc()) return std::nullopt;
  rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  return value;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

std::optional<uint64_t> Words::take_number() { return take_digits(rest_, 10); }

std::optional<uint64_t> Words::take_bare_hex() { return take_digits(rest_, 16); }

std::optional<uint64_t> Words::take_hex() {
  if (!rest_.starts_with("0x") && !rest_.starts_with("0X")) return std::nullopt;
  std::string_view digits = rest_.substr(2);
  const auto value = take_digits(digits, 16);
  if (value) rest_ = digits;
  return value;
}

std::string_view trim_left(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

std::string_view trim(std::string_view text) {
  text = trim_left(text);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<uint64_t> number_of(std::string_view text) {
  Words words(text);
  const auto value = words.take_number();
  return words.at_end() ? value : std::nullopt;
}

std::optional<uint64_t> hex_of(std::string_view text) {
  Words words(text);
  const auto value = words.take_hex();
  return words.at_end() ? value : std::nullopt;
}

}  // namespace inquest::diagnosis
