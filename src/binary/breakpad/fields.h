// The fields of one record: words with single blanks between them, the last one to the line's end.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace inquest::breakpad {

class Fields {
 public:
  explicit Fields(std::string_view line) : rest_(line) {}

  // The next word; empty at the end.
  std::string_view word() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
    const size_t end = std::min(rest_.find(' '), rest_.size());
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return word;
  }
  std::optional<uint64_t> hex() { return number(word(), 16); }
  std::optional<uint64_t> decimal() { return number(word(), 10); }
  // What is left, without the blank in front.
  std::string_view rest() const {
    return rest_.substr(std::min(rest_.find_first_not_of(' '), rest_.size()));
  }
  bool at_end() const { return rest().empty(); }

  static std::optional<uint64_t> number(std::string_view text, int base) {
    uint64_t value = 0;
    const auto [stop, failure] =
        std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (failure != std::errc() || stop != text.data() + text.size()) return std::nullopt;
    return value;
  }

 private:
  std::string_view rest_;
};

// The line that begins at `offset`, without its end ("\n" or "\r\n"); `*next` is where the next one
// begins.
inline std::string_view line_at(std::string_view text, uint64_t offset, uint64_t* next) {
  if (offset >= text.size()) {
    *next = text.size();
    return {};
  }
  const size_t end = std::min(text.find('\n', offset), text.size());
  *next = std::min<uint64_t>(end + 1, text.size());
  std::string_view line = text.substr(offset, end - offset);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace inquest::breakpad
