// JsonWriter: writes JSON piece by piece, the same bytes for the same calls.
//
//   JsonWriter json;
//   json.begin_object().field("signal", 11).key("frames").begin_array();
//   for (const Frame& frame : frames) json.value(frame.name);
//   json.end_array().end_object();
//   std::string text = std::move(json).take();
//
// Misuse (a value without a key, an unbalanced end) is our own bug and ends in INQ_CHECK.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"

namespace inquest::json {

class JsonWriter {
 public:
  enum class Style {
    kPretty,   // one item a line, 2 spaces a level, a newline at the end
    kCompact,  // no white space at all
  };

  explicit JsonWriter(Style style = Style::kPretty) : style_(style) {}

  JsonWriter& begin_object() { return open('{', Scope::kObject); }
  JsonWriter& end_object() { return close('}', Scope::kObject); }
  JsonWriter& begin_array() { return open('[', Scope::kArray); }
  JsonWriter& end_array() { return close(']', Scope::kArray); }

  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);  // bytes that are not UTF-8 become U+FFFD
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(bool boolean);
  JsonWriter& value(double number);  // null for infinities and NaN, which JSON lacks
  JsonWriter& value(Address address) {
    return value(to_hex(address));
  }  // "0x…": 64 bits do not survive JavaScript
  template <std::integral Integer>
  JsonWriter& value(Integer number) {
    if constexpr (std::signed_integral<Integer>) {
      return integer(static_cast<int64_t>(number));
    } else {
      return integer(static_cast<uint64_t>(number));
    }
  }
  template <typename T>
  JsonWriter& value(const std::optional<T>& maybe) {
    return maybe ? value(*maybe) : null();
  }
  JsonWriter& null();

  template <typename T>
  JsonWriter& field(std::string_view name, const T& content) {
    key(name);
    return value(content);
  }

  // The text, once every scope is closed.
  std::string take() &&;

 private:
  enum class Scope { kObject, kArray };
  struct Level {
    Scope scope;
    bool empty = true;
  };

  JsonWriter& open(char bracket, Scope scope);
  JsonWriter& close(char bracket, Scope scope);
  JsonWriter& integer(int64_t number);
  JsonWriter& integer(uint64_t number);
  void before_value();
  void new_line();

  Style style_;
  std::string text_;
  std::vector<Level> levels_;
  bool after_key_ = false;
};

// `text` between quotes, escaped; control characters as \uXXXX, DEL too.
std::string json_string(std::string_view text);

}  // namespace inquest::json
