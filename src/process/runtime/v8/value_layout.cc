#include "process/runtime/v8/value_layout.h"

namespace inquest::process::v8 {
namespace {

constexpr int32_t kMaxOffset = 4096;
constexpr int32_t kMaxType = 0xffff;
constexpr int32_t kMaxShift = 31;
constexpr int32_t kFirstToBoxDoubles = 9;
constexpr Version kFirstWithPlainDates = {.major = 12, .minor = 5};  // 12.4 has not, 12.9 has

class Constants {
 public:
  explicit Constants(const Metadata& metadata) : metadata_(metadata) {}

  uint32_t field(std::string_view class_name, std::string_view name, uint32_t otherwise = 0) const {
    return bounded(metadata_.field(class_name, name), kMaxOffset, otherwise);
  }
  uint32_t number(std::string_view name, uint32_t otherwise = 0) const {
    return bounded(metadata_.constant(name), kMaxOffset, otherwise);
  }
  uint16_t type(std::string_view name) const {
    return static_cast<uint16_t>(
        bounded(metadata_.constant("type_" + std::string(name)), kMaxType, 0));
  }
  // From NAME_mask and NAME_shift.
  Bits bits(const std::string& name) const {
    const auto mask = metadata_.constant(name + "_mask");
    const auto shift = metadata_.constant(name + "_shift");
    if (!mask || !shift || *shift < 0 || *shift > kMaxShift) return {};
    return {static_cast<uint32_t>(*mask), static_cast<uint32_t>(*shift)};
  }

 private:
  static uint32_t bounded(std::optional<int32_t> value, int32_t max, uint32_t otherwise) {
    return value && *value >= 0 && *value <= max ? static_cast<uint32_t>(*value) : otherwise;
  }

  const Metadata& metadata_;
};

ValueTypes types_of(const Constants& constants) {
  ValueTypes types{.symbol = constants.type("Symbol__SYMBOL_TYPE"),
                   .heap_number = constants.type("HeapNumber__HEAP_NUMBER_TYPE"),
                   .oddball = constants.type("Oddball__ODDBALL_TYPE"),
                   .hole = constants.type("Hole__HOLE_TYPE"),
                   .array = constants.type("JSArray__JS_ARRAY_TYPE"),
                   .object = constants.type("JSObject__JS_OBJECT_TYPE"),
                   .date = constants.type("JSDate__JS_DATE_TYPE"),
                   .regexp = constants.type("JSRegExp__JS_REG_EXP_TYPE"),
                   .error = constants.type("JSError__JS_ERROR_TYPE"),
                   .typed_array = constants.type("JSTypedArray__JS_TYPED_ARRAY_TYPE"),
                   .array_buffer = constants.type("JSArrayBuffer__JS_ARRAY_BUFFER_TYPE"),
                   .external = constants.type("JSExternalObject__JS_EXTERNAL_OBJECT_TYPE"),
                   .map = constants.type("JSMap__JS_MAP_TYPE"),
                   .set = constants.type("JSSet__JS_SET_TYPE")};
  if (types.regexp == 0) types.regexp = constants.type("JSRegExp__JS_REGEXP_TYPE");
  // These four follow each other, in one of two orders.
  if (types.symbol != 0 && types.oddball == types.symbol + 3) {
    const auto first = static_cast<uint16_t>(types.symbol + 1);
    const auto second = static_cast<uint16_t>(types.symbol + 2);
    if (types.heap_number == second) types.bigint = first;
    if (types.heap_number == first) types.bigint = second;
  }
  return types;
}

}  // namespace

ValueLayout make_value_layout(const Metadata& metadata) {
  const Constants constants(metadata);
  ValueLayout layout{
      .types = types_of(constants),
      .number_value = constants.field("HeapNumber", "value"),
      .oddball_kind = constants.field("Oddball", "kind", constants.field("Oddball", "kind_offset")),
      .symbol_name = constants.field("Symbol", "name", 16),
      .undefined_kind = constants.number("OddballUndefined"),
      .null_kind = constants.number("OddballNull"),
      .true_kind = constants.number("OddballTrue"),
      .false_kind = constants.number("OddballFalse"),
      .object_properties = constants.field("JSReceiver", "raw_properties_or_hash", 8),
      .object_elements = constants.field("JSObject", "elements", 16),
      .array_length = constants.field("JSArray", "length", 24),
      .view_byte_length = constants.field("JSArrayBufferView", "byte_length"),
      .buffer_byte_length = constants.field("JSArrayBuffer", "byte_length"),
      .date_value = constants.field("JSDate", "value"),
      .regexp_source = constants.field("JSRegExp", "source"),
      .plain_dates = metadata.version() >= kFirstWithPlainDates,
      .map_size_in_words = constants.field("Map", "instance_size_in_words"),
      .map_first_property =
          constants.field("Map", "inobject_properties_start_or_constructor_function_index"),
      .map_bit_field2 = constants.field("Map", "bit_field2"),
      .map_bit_field3 = constants.field("Map", "bit_field3"),
      .map_prototype = constants.field("Map", "prototype"),
      .map_descriptors = constants.number("class_Map__instance_descriptors_offset"),
      .elements_kind = constants.bits("bit_field2_elements_kind"),
      .own_descriptors = constants.bits("bit_field3_number_of_own_descriptors"),
      .is_dictionary = {},
      .descriptors_header = constants.field("DescriptorArray", "header_size"),
      .property_kind = {1, 0},
      .property_location = constants.bits("prop_location"),
      .property_representation = constants.bits("prop_representation"),
      .property_index = constants.bits("prop_index"),
      .double_representation = constants.number("prop_representation_double"),
      .unboxed_doubles = metadata.version().major < kFirstToBoxDoubles,
      .dictionary_first = constants.number("namedictionary_prefix_start_index") +
                          constants.number("namedictionaryshape_prefix_size"),
      .dictionary_entry = constants.number("namedictionaryshape_entry_size")};
  if (const uint32_t shift = constants.number("bit_field3_is_dictionary_map_shift");
      shift > 0 && shift <= kMaxShift)
    layout.is_dictionary = {uint32_t{1} << shift, shift};
  return layout;
}

}  // namespace inquest::process::v8
