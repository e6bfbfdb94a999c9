// Objects of V8 in the memory of the dead process: read as what they should be, or not at all.
//
// A word is a small integer (its low bit is 0, the number in its upper half) or points to an object
// plus 1. Each object begins with a pointer to its Map, which tells its type.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/address.h"
#include "base/bytes.h"
#include "base/result.h"
#include "process/image/memory.h"
#include "process/runtime/v8/layout.h"

namespace inquest::process::v8 {

inline constexpr uint64_t kMaxName = 1024;         // characters of a name
inline constexpr uint64_t kMaxTable = 4 << 20;     // bytes of a table or an array
inline constexpr uint64_t kMaxSource = 64 << 20;   // characters of a script up to a position
inline constexpr uint64_t kMaxCopied = 256 << 20;  // bytes copied in all

struct Word {
  uint64_t bits = 0;
  bool is_object() const { return (bits & 1) != 0 && bits > 0x1000; }
  // A weak reference has the second bit, too.
  Address object() const { return Address(bits & ~uint64_t{3}); }
  bool is_small() const { return (bits & 1) == 0; }
  int64_t small() const { return static_cast<int64_t>(bits) >> 32; }
  bool operator==(const Word&) const = default;
};

// Characters of a string that lie together: of one byte (Latin-1) or two (UTF-16).
struct Characters {
  ByteView bytes;
  bool wide = false;
  uint64_t count() const { return bytes.size() / (wide ? 2 : 1); }
  char16_t at(uint64_t index) const;
};

class Heap {
 public:
  Heap(const MemoryReader& memory, const Layout& layout) : memory_(memory), layout_(layout) {}

  const Layout& layout() const { return layout_; }
  const MemoryReader& memory() const { return memory_; }

  // An error says why the bytes are not there: "0x7f… was not dumped".
  template <typename T>
  Result<T> load(Address at) const {
    const auto value = memory_.load<T>(at);
    if (!value) return missing(at);
    return *value;
  }
  Result<Word> word(Address at) const;
  Result<Word> field(Word object, uint64_t offset) const { return word(object.object() + offset); }

  Result<uint16_t> type_of(Word object) const;
  bool is(Word object, uint16_t type) const;  // false when it cannot be read; type 0: never
  bool is_string(Word object) const;
  bool is_function(Word object) const;  // a JSFunction
  bool is_context(Word object) const;
  bool is_bytes(Word object) const;  // a ByteArray, trusted or not

  // As UTF-8, cut at kMaxName.
  Result<std::string> text(Word string) const;
  // The first `limit` characters of `string`, in pieces; stops when `visit` answers false.
  Status for_each_piece(Word string, uint64_t limit,
                        const std::function<bool(const Characters&)>& visit) const;

  // At most `count` characters from the one at `from` on.
  Result<std::u16string> characters(Word string, uint64_t from, uint64_t count) const;

  Result<Bytes> contents(Word byte_array) const;
  Result<Bytes> copy(Address at, uint64_t size) const;
  Result<uint64_t> array_length(Word array) const;
  Result<Word> element(Word array, uint64_t index) const;  // of a FixedArray

 private:
  struct Walk;
  Error missing(Address at) const;
  Status visit_string(Word string, Walk& walk, int depth) const;

  const MemoryReader& memory_;
  Layout layout_;
  mutable uint64_t copied_ = 0;
};

}  // namespace inquest::process::v8
