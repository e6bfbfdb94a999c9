#include "platform/json/value.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <limits>

namespace inquest::json {

namespace {

// Depth is bounded by the parser's own limit.
JsonValue convert(const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return {};
    case boost::json::kind::bool_:
      return JsonValue(value.get_bool());
    case boost::json::kind::int64:
      return JsonValue(int64_t{value.get_int64()});
    case boost::json::kind::uint64:
      return JsonValue(uint64_t{value.get_uint64()});
    case boost::json::kind::double_:
      return JsonValue(value.get_double());
    case boost::json::kind::string:
      return JsonValue(std::string(value.get_string()));
    case boost::json::kind::array: {
      JsonValue::Array array;
      array.reserve(value.get_array().size());
      for (const boost::json::value& item : value.get_array()) array.push_back(convert(item));
      return JsonValue(std::move(array));
    }
    case boost::json::kind::object: {
      JsonValue::Object object;
      object.reserve(value.get_object().size());
      for (const auto& member : value.get_object()) {
        object.emplace_back(std::string(member.key()), convert(member.value()));
      }
      return JsonValue(std::move(object));
    }
  }
  return {};
}

class Emitter {
 public:
  explicit Emitter(JsonWriter& writer) : writer_(writer) {}

  void operator()(std::nullptr_t) { writer_.null(); }
  void operator()(const JsonValue::Array& array) {
    writer_.begin_array();
    for (const JsonValue& item : array) std::visit(*this, item.content());
    writer_.end_array();
  }
  void operator()(const JsonValue::Object& object) {
    writer_.begin_object();
    for (const auto& [name, value] : object) {
      writer_.key(name);
      std::visit(*this, value.content());
    }
    writer_.end_object();
  }
  template <typename Scalar>
  void operator()(const Scalar& scalar) {
    writer_.value(scalar);
  }

 private:
  JsonWriter& writer_;
};

}  // namespace

std::optional<int64_t> JsonValue::integer() const {
  if (const auto* value = std::get_if<int64_t>(&content_)) return *value;
  return std::nullopt;  // a uint64_t here is always over int64_t's range
}

std::optional<uint64_t> JsonValue::natural() const {
  if (const auto* value = std::get_if<uint64_t>(&content_)) return *value;
  const auto* value = std::get_if<int64_t>(&content_);
  if (value != nullptr && *value >= 0) return static_cast<uint64_t>(*value);
  return std::nullopt;
}

std::optional<double> JsonValue::number() const {
  if (const auto* value = std::get_if<double>(&content_)) return *value;
  if (const auto* value = std::get_if<int64_t>(&content_)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<uint64_t>(&content_)) return static_cast<double>(*value);
  return std::nullopt;
}

const JsonValue* JsonValue::find(std::string_view name) const {
  const Object* members = object();
  if (members == nullptr) return nullptr;
  for (auto member = members->rbegin(); member != members->rend(); ++member) {
    if (member->first == name) return &member->second;
  }
  return nullptr;
}

const JsonValue* JsonValue::at(std::initializer_list<std::string_view> path) const {
  const JsonValue* value = this;
  for (const std::string_view name : path) {
    value = value->find(name);
    if (value == nullptr) return nullptr;
  }
  return value;
}

Result<JsonValue> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_size) {
    return Error(ErrorCode::kTooLarge, fmt::format("JSON of more than {} bytes", limits.max_size));
  }
  boost::json::parse_options options;
  options.max_depth = limits.max_depth;
  boost::json::parser parser({}, options);
  boost::json::error_code error;
  const size_t used = parser.write(text.data(), text.size(), error);
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
  return convert(parser.release());
}

std::string to_json(const JsonValue& value, JsonWriter::Style style) {
  JsonWriter writer(style);
  std::visit(Emitter(writer), value.content());
  return std::move(writer).take();
}

}  // namespace inquest::json
