#include "platform/json/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "base/utf8.h"

namespace inquest::json {

namespace {

void append_escaped(std::string& out, char32_t code) {
  switch (code) {
    case U'"':
      out += "\\\"";
      return;
    case U'\\':
      out += "\\\\";
      return;
    case U'\n':
      out += "\\n";
      return;
    case U'\r':
      out += "\\r";
      return;
    case U'\t':
      out += "\\t";
      return;
    default:
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(code));
  }
}

// Besides what JSON demands: DEL and the C1 controls can drive a terminal, U+2028/9 end a line in
// JavaScript, and marks of direction show a name as another one.
bool must_escape(char32_t code) {
  return code < 0x20 || code == U'"' || code == U'\\' || (code >= 0x7f && code < 0xa0) ||
         code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

// Most of what is printed is plain ASCII, which needs no look at code points.
size_t plain_size(std::string_view text) {
  const auto plain = [](char c) { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; };
  return static_cast<size_t>(std::find_if_not(text.begin(), text.end(), plain) - text.begin());
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  while (true) {
    const size_t plain = plain_size(text);
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const Utf8Character character = decode_utf8(text);
    if (must_escape(character.code)) {
      append_escaped(out, character.code);
    } else {
      out += character.valid ? text.substr(0, character.size) : "\xef\xbf\xbd";
    }
    text.remove_prefix(character.size);
  }
  out += '"';
}

}  // namespace

std::string json_string(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  append_quoted(out, text);
  return out;
}

void JsonWriter::new_line() {
  if (style_ == Style::kCompact) return;
  text_ += '\n';
  text_.append(2 * levels_.size(), ' ');
}

void JsonWriter::before_value() {
  if (levels_.empty()) {
    INQ_CHECK(text_.empty());  // one document only
    return;
  }
  Level& level = levels_.back();
  INQ_CHECK((level.scope == Scope::kObject) == after_key_);
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (!level.empty) text_ += ',';
  level.empty = false;
  new_line();
}

JsonWriter& JsonWriter::key(std::string_view name) {
  INQ_CHECK(!levels_.empty() && levels_.back().scope == Scope::kObject && !after_key_);
  if (!levels_.back().empty) text_ += ',';
  levels_.back().empty = false;
  new_line();
  append_quoted(text_, name);
  text_ += style_ == Style::kPretty ? ": " : ":";
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::open(char bracket, Scope scope) {
  before_value();
  text_ += bracket;
  levels_.push_back({scope});
  return *this;
}

JsonWriter& JsonWriter::close(char bracket, Scope scope) {
  INQ_CHECK(!levels_.empty() && levels_.back().scope == scope && !after_key_);
  const bool empty = levels_.back().empty;
  levels_.pop_back();
  if (!empty) new_line();
  text_ += bracket;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  before_value();
  append_quoted(text_, text);
  return *this;
}

JsonWriter& JsonWriter::value(bool boolean) {
  before_value();
  text_ += boolean ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  before_value();
  if (number == 0 && std::signbit(number)) {
    text_ += "-0.0";  // "-0" would be read back as a whole number, which has no negative zero
    return *this;
  }
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  text_.append(digits.data(), end);
  return *this;
}

JsonWriter& JsonWriter::integer(int64_t number) {
  before_value();
  text_ += std::to_string(number);
  return *this;
}

JsonWriter& JsonWriter::integer(uint64_t number) {
  before_value();
  text_ += std::to_string(number);
  return *this;
}

JsonWriter& JsonWriter::null() {
  before_value();
  text_ += "null";
  return *this;
}

std::string JsonWriter::take() && {
  INQ_CHECK(levels_.empty() && !text_.empty());
  if (style_ == Style::kPretty) text_ += '\n';
  return std::move(text_);
}

}  // namespace inquest::json
