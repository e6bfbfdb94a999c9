// parse_json: Boost.JSON's streaming parser feeding a tree of ours. Its own tree is passed by
// because it reads decimal fractions with an error of a unit in the last place, and what is written
// must read back the same.
#include <fmt/format.h>

#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <limits>
#include <utility>

#include "platform/json/value.h"

namespace inquest::json {

namespace {

using ErrorCodeOut = boost::json::error_code&;
using Text = boost::json::string_view;

// The events of the parser. Scopes that are still open stand on a stack; nothing here recurses.
struct Handler {
  static constexpr size_t max_object_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_array_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_key_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_string_size = std::numeric_limits<size_t>::max();

  bool on_document_begin(ErrorCodeOut) { return true; }
  bool on_document_end(ErrorCodeOut) { return true; }
  bool on_object_begin(ErrorCodeOut) { return open(JsonValue::Object{}); }
  bool on_object_end(size_t, ErrorCodeOut) { return close(); }
  bool on_array_begin(ErrorCodeOut) { return open(JsonValue::Array{}); }
  bool on_array_end(size_t, ErrorCodeOut) { return close(); }
  bool on_key_part(Text part, size_t, ErrorCodeOut) { return collect(part); }
  bool on_key(Text part, size_t, ErrorCodeOut) {
    collect(part);
    scopes.back().key = std::exchange(text, {});
    return true;
  }
  bool on_string_part(Text part, size_t, ErrorCodeOut) { return collect(part); }
  bool on_string(Text part, size_t, ErrorCodeOut) {
    collect(part);
    return put(JsonValue(std::exchange(text, {})));
  }
  bool on_number_part(Text, ErrorCodeOut) { return true; }  // the whole text is written at once
  bool on_int64(int64_t number, Text, ErrorCodeOut) { return put(JsonValue(number)); }
  bool on_uint64(uint64_t number, Text, ErrorCodeOut) { return put(JsonValue(number)); }
  bool on_double(double rough, Text digits, ErrorCodeOut) {
    double exact = rough;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), exact);
    // Out of range: rough is then already zero or an infinity.
    return put(JsonValue(result.ec == std::errc() ? exact : rough));
  }
  bool on_bool(bool boolean, ErrorCodeOut) { return put(JsonValue(boolean)); }
  bool on_null(ErrorCodeOut) { return put(JsonValue()); }
  bool on_comment_part(Text, ErrorCodeOut) { return true; }
  bool on_comment(Text, ErrorCodeOut) { return true; }

  JsonValue document;

 private:
  struct Scope {
    JsonValue::Content content;
    std::string key;  // of the member that is being read
  };

  bool collect(Text part) {
    text.append(part.data(), part.size());
    return true;
  }
  bool open(JsonValue::Content content) {
    scopes.push_back({std::move(content), {}});
    return true;
  }
  bool close() {
    JsonValue value(std::move(scopes.back().content));
    scopes.pop_back();
    return put(std::move(value));
  }
  bool put(JsonValue value) {
    if (scopes.empty()) {
      document = std::move(value);
    } else if (auto* array = std::get_if<JsonValue::Array>(&scopes.back().content)) {
      array->push_back(std::move(value));
    } else {
      auto& object = std::get<JsonValue::Object>(scopes.back().content);
      object.emplace_back(std::exchange(scopes.back().key, {}), std::move(value));
    }
    return true;
  }

  std::vector<Scope> scopes;
  std::string text;
};

}  // namespace

Result<JsonValue> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_size) {
    return Error(ErrorCode::kTooLarge, fmt::format("JSON of more than {} bytes", limits.max_size));
  }
  boost::json::parse_options options;
  options.max_depth = limits.max_depth;
  boost::json::basic_parser<Handler> parser(options);
  boost::json::error_code error;
  const size_t used = parser.write_some(false, text.data(), text.size(), error);
  if (error == boost::json::error::incomplete) {
    return Error(ErrorCode::kTruncated, "the JSON ends too early");
  }
  if (error == boost::json::error::too_deep) {
    return Error(ErrorCode::kTooLarge,
                 fmt::format("JSON nested deeper than {} levels", limits.max_depth));
  }
  if (error) {
    return Error(ErrorCode::kCorrupt,
                 fmt::format("invalid JSON at offset {}: {}", used, error.message()));
  }
  if (used != text.size()) {
    return Error(ErrorCode::kCorrupt,
                 fmt::format("invalid JSON at offset {}: more after its end", used));
  }
  return std::move(parser.handler().document);
}

}  // namespace inquest::json
