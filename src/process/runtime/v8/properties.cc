// Source: src/objects/map.h, property-details.h, descriptor-array.h and dictionary.h of V8.
#include "process/runtime/v8/properties.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace inquest::process::v8 {
namespace {

constexpr uint64_t kFirstElement = 16;      // of the array of those that do not lie in the object
constexpr uint64_t kMaxDictionary = 4096;   // words of one that are looked through
constexpr uint32_t kWordsOfProperty = 3;    // name, details, value
constexpr uint32_t kOrderShift = 8;         // of the details in a dictionary
constexpr size_t kMaxUntilConstructor = 8;  // it is among the first

// What an object's Map says of its properties.
struct Shape {
  Word map;
  uint32_t count = 0;  // unless they are in a dictionary
  bool is_dictionary = false;
};

Result<Shape> shape_of(const Heap& heap, Word object) {
  const ValueLayout& layout = heap.layout().values;
  if (layout.map_bit_field3 == 0 || layout.map_descriptors == 0 || layout.descriptors_header == 0 ||
      layout.property_index.mask == 0)
    return Error(ErrorCode::kUnsupported, "V8 does not tell how it keeps properties");
  INQ_TRY(const Word map, heap.word(object.object()));
  if (!heap.is(map, heap.layout().types.map))
    return Error(ErrorCode::kCorrupt, fmt::format("{} is no object", to_hex(object.bits)));
  INQ_TRY(const uint32_t bits, heap.load<uint32_t>(map.object() + layout.map_bit_field3));
  return Shape{.map = map,
               .count = layout.own_descriptors.of(bits),
               .is_dictionary = layout.is_dictionary.of(bits) != 0};
}

Result<Property> fast_property(const Heap& heap, Word object, Word map, Word descriptors,
                               uint32_t index) {
  const ValueLayout& layout = heap.layout().values;
  const uint64_t at = layout.descriptors_header + uint64_t{8} * kWordsOfProperty * index;
  Property property;
  INQ_TRY(property.key, heap.field(descriptors, at));
  INQ_TRY(const Word details, heap.field(descriptors, at + 8));
  if (!property.key.is_object() || !details.is_small())
    return Error(ErrorCode::kCorrupt, "an object whose properties make no sense");
  const auto bits = static_cast<uint32_t>(details.small());
  property.is_accessor = layout.property_kind.of(bits) != 0;
  if (property.is_accessor) return property;
  if (layout.property_location.of(bits) != 0) {  // a constant, in the descriptors themselves
    INQ_TRY(property.value, heap.field(descriptors, at + 16));
    return property;
  }
  INQ_TRY(const uint8_t size, heap.load<uint8_t>(map.object() + layout.map_size_in_words));
  INQ_TRY(const uint8_t first, heap.load<uint8_t>(map.object() + layout.map_first_property));
  const uint32_t field = layout.property_index.of(bits);
  const uint32_t inside = size > first ? size - first : 0U;
  if (field >= inside) {
    INQ_TRY(const Word others, heap.field(object, layout.object_properties));
    INQ_TRY(property.value, heap.field(others, kFirstElement + uint64_t{8} * (field - inside)));
    return property;
  }
  INQ_TRY(property.value, heap.field(object, uint64_t{8} * (first + field)));
  const bool is_double = layout.property_representation.of(bits) == layout.double_representation;
  // Some builds of those versions keep them outside, too. No number of use is as small as a pointer
  // read as one.
  if (layout.unboxed_doubles && is_double && !heap.is(property.value, layout.types.heap_number))
    property.number = std::bit_cast<double>(property.value.bits);
  return property;
}

// Properties that came and went one by one, in a hash table.
Result<std::vector<Property>> dictionary(const Heap& heap, Word object) {
  const ValueLayout& layout = heap.layout().values;
  INQ_TRY(const Word table, heap.field(object, layout.object_properties));
  INQ_TRY(const uint64_t words, heap.array_length(table));
  if (layout.dictionary_first == 0 || layout.dictionary_entry < kWordsOfProperty)
    return Error(ErrorCode::kUnsupported, "V8 does not tell how it keeps properties");
  std::vector<std::pair<uint64_t, Property>> found;
  for (uint64_t i = layout.dictionary_first;
       i + layout.dictionary_entry <= std::min(words, kMaxDictionary);
       i += layout.dictionary_entry) {
    INQ_TRY(const Word key, heap.element(table, i));
    if (!heap.is_string(key) && !heap.is(key, layout.types.symbol)) continue;  // a free place
    INQ_TRY(const Word value, heap.element(table, i + 1));
    INQ_TRY(const Word details, heap.element(table, i + 2));
    const auto bits = static_cast<uint32_t>(details.small());
    found.push_back({bits >> kOrderShift,
                     {.key = key,
                      .is_accessor = layout.property_kind.of(bits) != 0,
                      .value = value,
                      .number = {}}});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Property> properties;
  properties.reserve(found.size());
  for (const auto& [order, property] : found) properties.push_back(property);
  return properties;
}

}  // namespace

Result<Properties> own_properties(const Heap& heap, Word object, size_t max) {
  INQ_TRY(const Shape shape, shape_of(heap, object));
  Properties properties;
  if (shape.is_dictionary) {
    INQ_TRY(properties.list, dictionary(heap, object));
    properties.total = properties.list.size();
    properties.list.resize(std::min(properties.list.size(), max));
    return properties;
  }
  properties.total = shape.count;
  INQ_TRY(const Word descriptors, heap.field(shape.map, heap.layout().values.map_descriptors));
  for (uint32_t i = 0; i < std::min<uint64_t>(shape.count, max); ++i) {
    INQ_TRY(const Property property, fast_property(heap, object, shape.map, descriptors, i));
    properties.list.push_back(property);
  }
  return properties;
}

Result<uint64_t> count_own_properties(const Heap& heap, Word object) {
  INQ_TRY(const Shape shape, shape_of(heap, object));
  if (!shape.is_dictionary) return uint64_t{shape.count};
  INQ_TRY(const std::vector<Property> properties, dictionary(heap, object));
  return uint64_t{properties.size()};
}

Result<std::string> key_text(const Heap& heap, Word key) {
  if (heap.is_string(key)) return heap.text(key);
  INQ_TRY(const Word name, heap.field(key, heap.layout().values.symbol_name));
  if (!heap.is_string(name)) return std::string("Symbol()");
  INQ_TRY(std::string text, heap.text(name));
  return text.starts_with('#') ? text : fmt::format("Symbol({})", text);
}

std::optional<Word> constructor_of(const Heap& heap, Word object) {
  const auto map = heap.word(object.object());
  if (!map.ok() || heap.layout().values.map_prototype == 0) return std::nullopt;
  const auto prototype = heap.field(*map, heap.layout().values.map_prototype);
  if (!prototype.ok()) return std::nullopt;
  const auto properties = own_properties(heap, *prototype, kMaxUntilConstructor);
  if (!properties.ok()) return std::nullopt;
  for (const Property& property : properties->list) {
    const auto key = key_text(heap, property.key);
    if (key.ok() && *key == "constructor" && !property.is_accessor &&
        heap.is_function(property.value))
      return property.value;
  }
  return std::nullopt;
}

}  // namespace inquest::process::v8
