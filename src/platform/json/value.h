// JsonValue: a JSON document as a tree that keeps the order of its keys.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "platform/json/writer.h"

namespace inquest::json {

class JsonValue {
 public:
  using Array = std::vector<JsonValue>;
  using Object = std::vector<std::pair<std::string, JsonValue>>;
  // Whole numbers are int64_t, or uint64_t when over its range; everything else is a double.
  using Content =
      std::variant<std::nullptr_t, bool, int64_t, uint64_t, double, std::string, Array, Object>;

  JsonValue() = default;
  explicit JsonValue(Content content) : content_(std::move(content)) {}

  const Content& content() const { return content_; }
  bool is_null() const { return std::holds_alternative<std::nullptr_t>(content_); }

  // nullptr when it is something else.
  const bool* boolean() const { return std::get_if<bool>(&content_); }
  const std::string* string() const { return std::get_if<std::string>(&content_); }
  const Array* array() const { return std::get_if<Array>(&content_); }
  const Object* object() const { return std::get_if<Object>(&content_); }
  // A whole number in range, also from the other signedness.
  std::optional<int64_t> integer() const;
  std::optional<uint64_t> natural() const;
  // Any number.
  std::optional<double> number() const;

  // The member `name` of an object; nullptr when there is none or this is no object. The last one
  // wins.
  const JsonValue* find(std::string_view name) const;
  // The string member `name`; empty when there is none.
  std::string text(std::string_view name) const;
  // find() along a path: at({"verdict", "class"}).
  const JsonValue* at(std::initializer_list<std::string_view> path) const;

  bool operator==(const JsonValue&) const = default;

 private:
  Content content_ = nullptr;
};

struct JsonLimits {
  uint64_t max_size = 64 * 1024 * 1024;
  size_t max_depth = 64;
};

// RFC 8259, nothing more: no comments, no trailing commas. Errors carry the offset.
Result<JsonValue> parse_json(std::string_view text, const JsonLimits& limits = {});

std::string to_json(const JsonValue& value, JsonWriter::Style style = JsonWriter::Style::kPretty);

}  // namespace inquest::json
