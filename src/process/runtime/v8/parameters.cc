#include "process/runtime/v8/parameters.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace inquest::process::v8 {
namespace {

constexpr size_t kMaxNesting = 64;
constexpr size_t kMaxWords = 3;  // before the parameters

bool is_space(char16_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0 || c == 0xfeff || c == 0x2028 ||
         c == 0x2029;
}

// Letters beyond ASCII all count: V8 has compiled the text, so that it is sound.
bool is_name_part(char16_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || (c > 0xa0 && c != 0x2028 && c != 0x2029 && c != 0xfeff);
}

class Scanner {
 public:
  explicit Scanner(std::u16string_view source) : rest_(source) {}

  bool at_end() const { return rest_.empty(); }
  char16_t next() const { return rest_.empty() ? u'\0' : rest_[0]; }
  void skip() { rest_.remove_prefix(1); }
  bool take(std::u16string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  std::u16string_view take_name() {
    size_t size = 0;
    while (size < rest_.size() && is_name_part(rest_[size])) ++size;
    return std::exchange(rest_, rest_.substr(size)).substr(0, size);
  }
  void skip_space() {
    while (!rest_.empty()) {
      if (is_space(next())) {
        skip();
      } else if (rest_.starts_with(u"//")) {
        rest_ = rest_.substr(std::min(rest_.find_first_of(u"\n\r\u2028\u2029"), rest_.size()));
      } else if (rest_.starts_with(u"/*")) {
        const size_t end = rest_.find(u"*/", 2);
        rest_ = end == std::u16string_view::npos ? std::u16string_view() : rest_.substr(end + 2);
      } else {
        return;
      }
    }
  }
  // Up to the "," or ")" that ends this parameter. false: something that is not understood.
  bool skip_default() {
    size_t depth = 0;
    while (true) {
      skip_space();
      if (at_end() || depth > kMaxNesting) return false;
      const char16_t c = next();
      if (depth == 0 && (c == ',' || c == ')')) return true;
      if (c == '/' || c == '`') return false;
      if (c == '\'' || c == '"') {
        if (!skip_text(c)) return false;
        continue;
      }
      if (c == '(' || c == '[' || c == '{') ++depth;
      if (c == ')' || c == ']' || c == '}') {
        if (depth == 0) return false;
        --depth;
      }
      skip();
    }
  }

 private:
  bool skip_text(char16_t quote) {
    skip();
    while (!at_end() && next() != quote) {
      if (next() == '\\' && rest_.size() > 1) skip();
      skip();
    }
    if (at_end()) return false;
    skip();
    return true;
  }

  std::u16string_view rest_;
};

}  // namespace

std::optional<std::vector<Parameter>> parameters_at(std::u16string_view source) {
  Scanner scanner(source);
  std::vector<Parameter> parameters;
  std::u16string_view name;
  for (size_t words = 0; words < kMaxWords; ++words) {  // "async", "get", a method's name
    scanner.skip_space();
    const std::u16string_view word = scanner.take_name();
    if (word.empty()) break;
    name = word;
  }
  if (!name.empty() && scanner.take(u"=>")) {
    parameters.push_back({.name = utf8_of_utf16(name)});
    return parameters;
  }
  if (!scanner.take(u"(")) return std::nullopt;
  while (parameters.size() < kMaxParameters) {
    scanner.skip_space();
    if (scanner.at_end() || scanner.next() == ')') break;
    Parameter& parameter = parameters.emplace_back();
    parameter.is_rest = scanner.take(u"...");
    scanner.skip_space();
    parameter.name = utf8_of_utf16(scanner.take_name());
    if (!scanner.skip_default() || !scanner.take(u",")) break;
  }
  return parameters;
}

}  // namespace inquest::process::v8
