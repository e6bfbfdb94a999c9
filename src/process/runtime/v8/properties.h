// The own properties of an object of JavaScript, apart from indexed ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "process/runtime/v8/heap.h"

namespace inquest::process::v8 {

struct Property {
  Word key;  // a string or a symbol
  bool is_accessor = false;
  Word value;                    // when it is none
  std::optional<double> number;  // instead of the value, where V8 keeps a plain double
};

struct Properties {
  std::vector<Property> list;  // in the order in which they were added
  uint64_t total = 0;          // how many there are; more than the list has when it was cut
};

// At most the first `max`. kUnsupported: this V8 does not tell how it keeps them.
Result<Properties> own_properties(const Heap& heap, Word object, size_t max);
// How many there are, without reading them.
Result<uint64_t> count_own_properties(const Heap& heap, Word object);
// "name", "#private", "Symbol(iterator)".
Result<std::string> key_text(const Heap& heap, Word key);
// The function that is the `constructor` of the object's prototype: its class. nullopt: not known.
std::optional<Word> constructor_of(const Heap& heap, Word object);

}  // namespace inquest::process::v8
