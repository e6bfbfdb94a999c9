// Cursor: the one way to read hostile bytes in order. It never reads past the end.
//
// Failure is sticky: after the first read that does not fit, ok() is false, every later read
// answers zero or empty, and the position stays where the data ran out. Check ok() once per record.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace inquest {

class Cursor {
 public:
  explicit Cursor(ByteView bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return offset_ >= bytes_.size(); }
  uint64_t offset() const { return offset_; }
  uint64_t remaining() const { return bytes_.size() - offset_; }

  uint8_t u8() { return fixed<uint8_t>(); }
  uint16_t u16() { return fixed<uint16_t>(); }
  uint32_t u32() { return fixed<uint32_t>(); }
  uint64_t u64() { return fixed<uint64_t>(); }
  int8_t i8() { return fixed<int8_t>(); }
  int16_t i16() { return fixed<int16_t>(); }
  int32_t i32() { return fixed<int32_t>(); }
  int64_t i64() { return fixed<int64_t>(); }

  // LEB128 of DWARF (section 7.6). Bits beyond 64 are dropped; an encoding over 16 bytes fails.
  uint64_t uleb128();
  int64_t sleb128();

  // Text up to a NUL, which is consumed and not returned. Fails when there is none.
  std::string_view c_string();

  // The next `size` bytes; empty and failed when there are not so many.
  ByteView bytes(uint64_t size);
  void skip(uint64_t size) { bytes(size); }
  void seek(uint64_t offset);
  // Moves forward to the next multiple of `alignment` (a power of two) from the start of the view.
  void align(uint64_t alignment);

 private:
  template <typename T>
  T fixed() {
    auto value = load<T>(bytes_, offset_);
    if (!ok_ || !value) {
      ok_ = false;
      return T{};
    }
    offset_ += sizeof(T);
    return *value;
  }

  ByteView bytes_;
  uint64_t offset_ = 0;
  bool ok_ = true;
};

}  // namespace inquest
