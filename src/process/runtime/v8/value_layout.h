// Where things lie in the objects that arguments are: numbers, arrays, objects with properties.
// Offsets are in bytes from the start of an object.
#pragma once

#include <cstdint>

#include "process/runtime/v8/metadata.h"

namespace inquest::process::v8 {

// Instance types; 0: this V8 does not tell it, and no object is of it.
struct ValueTypes {
  uint16_t symbol = 0, bigint = 0, heap_number = 0, oddball = 0, hole = 0;
  uint16_t array = 0, object = 0, date = 0, regexp = 0, error = 0;
  uint16_t typed_array = 0, array_buffer = 0, external = 0, map = 0, set = 0;
};

// Bits of a word.
struct Bits {
  uint32_t mask = 0, shift = 0;
  uint32_t of(uint32_t word) const { return (word & mask) >> shift; }
};

struct ValueLayout {
  ValueTypes types;
  uint32_t number_value = 0, oddball_kind = 0, symbol_name = 0;
  uint32_t undefined_kind = 0, null_kind = 0, true_kind = 0, false_kind = 0;
  uint32_t object_properties = 0, object_elements = 0;
  uint32_t array_length = 0, view_byte_length = 0, buffer_byte_length = 0;
  uint32_t date_value = 0, regexp_source = 0;
  bool plain_dates = false;  // a double in the object itself, since V8 12.5 or so
  // Map: of one byte each, and of four.
  uint32_t map_size_in_words = 0, map_first_property = 0, map_bit_field2 = 0;
  uint32_t map_bit_field3 = 0, map_prototype = 0, map_descriptors = 0;
  Bits elements_kind, own_descriptors, is_dictionary;
  // A property's name, details and value follow each other behind the header of its descriptors.
  uint32_t descriptors_header = 0;
  Bits property_kind, property_location, property_representation, property_index;
  uint32_t double_representation = 0;
  bool unboxed_doubles = false;                         // within an object; before V8 9
  uint32_t dictionary_first = 0, dictionary_entry = 0;  // words of a NameDictionary
};

// What this V8 does not tell is 0, and values that need it are not read.
ValueLayout make_value_layout(const Metadata& metadata);

}  // namespace inquest::process::v8
