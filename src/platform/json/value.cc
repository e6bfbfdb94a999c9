#include "platform/json/value.h"

namespace inquest::json {

namespace {

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

std::string JsonValue::text(std::string_view name) const {
  const JsonValue* member = find(name);
  const std::string* text = member != nullptr ? member->string() : nullptr;
  return text != nullptr ? *text : std::string();
}

const JsonValue* JsonValue::at(std::initializer_list<std::string_view> path) const {
  const JsonValue* value = this;
  for (const std::string_view name : path) {
    value = value->find(name);
    if (value == nullptr) return nullptr;
  }
  return value;
}

std::string to_json(const JsonValue& value, JsonWriter::Style style) {
  JsonWriter writer(style);
  std::visit(Emitter(writer), value.content());
  return std::move(writer).take();
}

}  // namespace inquest::json
