// Words: reads one line of text from left to right. What does not fit is not consumed; nothing is
// read past the end.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace inquest::diagnosis {

class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}

  std::string_view rest() const { return rest_; }
  bool at_end() const { return rest_.empty(); }

  void skip_blanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t'))
      rest_.remove_prefix(1);
  }
  bool take(std::string_view literal) {
    if (!rest_.starts_with(literal)) return false;
    rest_.remove_prefix(literal.size());
    return true;
  }
  // What stands before `mark`; the mark itself is consumed too. nullopt when there is no mark.
  std::optional<std::string_view> take_until(std::string_view mark) {
    const size_t at = rest_.find(mark);
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view before = rest_.substr(0, at);
    rest_.remove_prefix(at + mark.size());
    return before;
  }
  // Up to the next blank, which is not consumed.
  std::string_view take_word() {
    const size_t end = rest_.find_first_of(" \t");
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(word.size());
    return word;
  }
  // Decimal digits that fit 64 bits.
  std::optional<uint64_t> take_number();
  // "0x7f00": with the prefix, at least one digit, and what fits 64 bits.
  std::optional<uint64_t> take_hex();
  // Hexadecimal digits without a prefix.
  std::optional<uint64_t> take_bare_hex();

 private:
  std::string_view rest_;
};

std::string_view trim(std::string_view text);
std::string_view trim_left(std::string_view text);
// The whole text is a number.
std::optional<uint64_t> number_of(std::string_view text);
std::optional<uint64_t> hex_of(std::string_view text);  // "0x…"

}  // namespace inquest::diagnosis
