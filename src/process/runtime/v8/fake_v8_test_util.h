// For the tests and the fuzzer of this room: a heap of V8, put together by hand from the Layout
// that reads it.
#pragma once

#include <bit>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "process/image/memory.h"
#include "process/runtime/v8/layout.h"

namespace inquest::process::v8 {

class FakeV8 final : public MemoryReader {
 public:
  static constexpr uint64_t kStart = 0x200000000000, kSize = 0x20000;
  // Kinds of strings, in the low bits of their type.
  static constexpr uint16_t kOneByte = 8, kCons = 1, kExternal = 2, kSliced = 3, kThin = 5;

  explicit FakeV8(Layout of = sample_layout()) : layout(of), bytes_(kSize, 0) {
    meta_map_ = take(0x50);
    put(meta_map_, meta_map_ + 1);
    put(meta_map_ + layout.map_instance_type, layout.types.map, 2);
  }

  // As of Node.js 22.
  static Layout sample_layout() {
    Layout layout;
    layout.version = {12, 4, 254, 21};
    layout.types = {.byte_array = 186,
                    .bytecode_array = 205,
                    .code = 206,
                    .map = 264,
                    .scope_info = 272,
                    .script = 167,
                    .shared_function_info = 274,
                    .first_context = 190,
                    .last_context = 199,
                    .first_function = 2066,
                    .last_function = 2082,
                    .first_nonstring = 128,
                    .trusted_byte_array = 212,
                    .fixed_array = 174,
                    .trusted_fixed_array = 213,
                    .instruction_stream = 210,
                    .debug_info = 154};
    layout.frame_bytecode_array = -32;
    layout.frame_bytecode_offset = -40;
    layout.frame_receiver = 16;
    layout.map_instance_type = 12;
    layout.map_constructor = 32;
    layout.string_length = 12;
    layout.function_shared = 32;
    layout.shared_name = 16;
    layout.shared_script = 32;
    layout.script_source = 8;
    layout.script_name = 16;
    layout.script_line_offset = 24;
    layout.script_column_offset = 32;
    layout.scope_first_word = 8;
    layout.scope_context_locals = 2;
    layout.scope_first_variable = 3;
    layout.scope_has_name_table = true;
    layout.bytecode_length = 8;
    layout.bytecode_positions = 24;
    layout.bytecode_data = 64;
    layout.code_instruction_start = 32;
    layout.deopt_literals = 2;
    layout.deopt_inlining_positions = 7;
    layout.frame_argument_count = -24;
    layout.count_has_receiver = true;
    layout.shared_parameter_count = 42;
    layout.values = sample_value_layout();
    return layout;
  }

  static ValueLayout sample_value_layout() {
    return {.types = {.symbol = 128,
                      .bigint = 129,
                      .heap_number = 130,
                      .oddball = 131,
                      .hole = 261,
                      .array = 2115,
                      .object = 1057,
                      .date = 2120,
                      .regexp = 2133,
                      .error = 2124,
                      .typed_array = 2061,
                      .array_buffer = 2062,
                      .external = 2125,
                      .map = 2110,
                      .set = 2111},
            .number_value = 8,
            .oddball_kind = 40,
            .symbol_name = 16,
            .undefined_kind = 4,
            .null_kind = 3,
            .true_kind = 1,
            .false_kind = 0,
            .object_properties = 8,
            .object_elements = 16,
            .array_length = 24,
            .view_byte_length = 40,
            .buffer_byte_length = 32,
            .date_value = 24,
            .regexp_source = 32,
            .map_size_in_words = 8,
            .map_first_property = 9,
            .map_bit_field2 = 15,
            .map_bit_field3 = 16,
            .map_prototype = 24,
            .map_descriptors = 40,
            .elements_kind = {252, 2},
            .own_descriptors = {1047552, 10},
            .is_dictionary = {1 << 21, 21},
            .descriptors_header = 24,
            .property_kind = {1, 0},
            .property_location = {32, 5},
            .property_representation = {448, 6},
            .property_index = {536346624, 19},
            .double_representation = 2,
            .unboxed_doubles = false,
            .dictionary_first = 6,
            .dictionary_entry = 3};
  }

  // --- objects: all answer the tagged word ----------------------------------------------------

  static uint64_t small(int64_t number) { return static_cast<uint64_t>(number) << 32; }

  uint64_t object(uint16_t type, uint64_t size) {
    const uint64_t map = take(0x50), at = take(size);
    put(map, meta_map_ + 1);
    put(map + layout.map_instance_type, type, 2);
    put(at, map + 1);
    return at + 1;
  }
  // The word at `offset` of the object.
  void set(uint64_t object, uint64_t offset, uint64_t word) { put(object - 1 + offset, word); }

  uint64_t text(std::string_view characters) {
    const uint64_t at =
        string_of(kOneByte, static_cast<uint32_t>(characters.size()), 16 + characters.size());
    for (size_t i = 0; i < characters.size(); ++i)
      put(at - 1 + 16 + i, static_cast<uint8_t>(characters[i]), 1);
    return at;
  }
  uint64_t wide_text(std::u16string_view characters) {
    const uint64_t at =
        string_of(0, static_cast<uint32_t>(characters.size()), 16 + 2 * characters.size());
    for (size_t i = 0; i < characters.size(); ++i) put(at - 1 + 16 + 2 * i, characters[i], 2);
    return at;
  }
  // A string of `length` made of others.
  uint64_t string_of(uint16_t kind, uint32_t length, uint64_t size = 32) {
    const uint64_t at = object(kind, size);
    put(at - 1 + layout.string_length, length, 4);
    return at;
  }
  uint64_t byte_array(const Bytes& value) {
    const uint64_t at = object(layout.types.byte_array, 16 + value.size());
    set(at, 8, small(static_cast<int64_t>(value.size())));
    for (size_t i = 0; i < value.size(); ++i) put(at - 1 + 16 + i, value[i], 1);
    return at;
  }
  uint64_t array(const std::vector<uint64_t>& words) {
    const uint64_t at = object(layout.types.trusted_fixed_array, 16 + 8 * words.size());
    set(at, 8, small(static_cast<int64_t>(words.size())));
    for (size_t i = 0; i < words.size(); ++i) set(at, 16 + 8 * i, words[i]);
    return at;
  }
  uint64_t script(uint64_t name, uint64_t source) {
    const uint64_t at = object(layout.types.script, 0x80);
    set(at, layout.script_name, name);
    set(at, layout.script_source, source);
    return at;
  }
  uint64_t shared(uint64_t name_or_scope, uint64_t script_at) {
    const uint64_t at = object(layout.types.shared_function_info, 0x50);
    set(at, layout.shared_name, name_or_scope);
    set(at, layout.shared_script, script_at);
    return at;
  }
  uint64_t function(uint64_t shared_at) {
    const uint64_t at = object(layout.types.first_function, 0x40);
    set(at, layout.function_shared, shared_at);
    return at;
  }
  uint64_t context() { return object(layout.types.first_context, 0x20); }
  uint64_t bytecodes(const Bytes& code, uint64_t positions) {
    const uint64_t at = object(layout.types.bytecode_array, layout.bytecode_data + code.size());
    set(at, layout.bytecode_length, small(static_cast<int64_t>(code.size())));
    set(at, layout.bytecode_positions, positions);
    for (size_t i = 0; i < code.size(); ++i) put(at - 1 + layout.bytecode_data + i, code[i], 1);
    return at;
  }
  // --- values ---------------------------------------------------------------------------------

  uint64_t oddball(int64_t kind) {
    const uint64_t at = object(layout.values.types.oddball, 0x30);
    set(at, layout.values.oddball_kind, small(kind));
    return at;
  }
  uint64_t number(double value) {
    const uint64_t at = object(layout.values.types.heap_number, 0x10);
    set(at, layout.values.number_value, std::bit_cast<uint64_t>(value));
    return at;
  }
  uint64_t map_of(uint64_t object_at) { return word(object_at - 1) - 1; }
  // As a literal makes it: its properties lie in it.
  uint64_t plain_object(const std::vector<std::pair<uint64_t, uint64_t>>& properties,
                        uint16_t type = 1057) {
    const ValueLayout& values = layout.values;
    constexpr uint64_t kFirst = 3;
    const uint64_t at = object(type, 8 * (kFirst + properties.size()));
    const uint64_t map = map_of(at);
    const uint64_t descriptors = object(252, values.descriptors_header + 24 * properties.size());
    put(map + values.map_size_in_words, kFirst + properties.size(), 1);
    put(map + values.map_first_property, kFirst, 1);
    put(map + values.map_bit_field3, properties.size() << values.own_descriptors.shift, 4);
    put(map + values.map_descriptors, descriptors);
    for (size_t i = 0; i < properties.size(); ++i) {
      const uint64_t entry = values.descriptors_header + 24 * i;
      set(descriptors, entry, properties[i].first);
      set(descriptors, entry + 8, small(static_cast<int64_t>(i << values.property_index.shift)));
      set(at, 8 * (kFirst + i), properties[i].second);
    }
    return at;
  }
  // Its class is that whose prototype it has.
  void set_class(uint64_t object_at, uint64_t function_at) {
    put(map_of(object_at) + layout.values.map_prototype,
        plain_object({{text("constructor"), function_at}}));
  }
  uint64_t array_object(const std::vector<uint64_t>& words) {
    const uint64_t at = object(layout.values.types.array, 0x20);
    put(map_of(at) + layout.values.map_bit_field2, 2 << layout.values.elements_kind.shift, 1);
    set(at, layout.values.object_elements, array(words));
    set(at, layout.values.array_length, small(static_cast<int64_t>(words.size())));
    return at;
  }

  // A frame with room for arguments; answers its frame pointer.
  uint64_t frame(uint64_t context_at, uint64_t function_at) {
    const uint64_t fp = take(0x100) + 0x40;
    put_in_frame(fp, layout.frame_context, context_at);
    put_in_frame(fp, layout.frame_function, function_at);
    return fp;
  }
  void put_in_frame(uint64_t fp, int32_t slot, uint64_t word) {
    put(fp + static_cast<uint64_t>(int64_t{slot}), word);
  }
  // Optimised code with these data and this table of positions; answers where its instructions
  // start.
  uint64_t optimised_code(uint64_t deopt_data, uint64_t positions) {
    const uint64_t stream = object(layout.types.instruction_stream, 0x100);
    const uint64_t code = object(layout.types.code, 0x80);
    const uint64_t instructions = stream - 1 + layout.code_instruction_start;
    set(stream, 8, code);
    set(code, 8, deopt_data);
    set(code, 16, positions);
    set(code, 40, instructions);
    return instructions;
  }

  // --- memory ---------------------------------------------------------------------------------

  uint64_t take(uint64_t size) {
    const uint64_t at = next_;
    next_ += (size + 15) / 16 * 16;
    INQ_CHECK(next_ <= kStart + kSize);
    return at;
  }
  void put(uint64_t at, uint64_t value, size_t size = 8) {
    INQ_CHECK(at >= kStart && at + size <= kStart + kSize);
    std::memcpy(bytes_.data() + (at - kStart), &value, size);
  }
  uint64_t word(uint64_t at) const { return *load<uint64_t>(Address(at)); }
  ByteView view(Address address, uint64_t max) const override {
    if (address.value < kStart || address.value >= kStart + kSize) return {};
    const uint64_t offset = address.value - kStart;
    return ByteView(bytes_).subspan(offset, std::min(max, kSize - offset));
  }
  Missing why_missing(Address address) const override {
    return view(address, 1).empty() ? Missing::kUnmapped : Missing::kNone;
  }

  Layout layout;

 private:
  Bytes bytes_;
  uint64_t next_ = kStart;
  uint64_t meta_map_ = 0;
};

}  // namespace inquest::process::v8
