// Reader: Cursor's contract, inline and over raw pointers, for the loops that step over millions of
// DIEs.
//
// It never reads past its end. Failure is sticky: after the first read that does not fit every
// answer is zero or empty and ok() is false.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/bytes.h"

namespace inquest::dwarf {

class Reader {
 public:
  Reader() = default;
  explicit Reader(ByteView bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  Reader(const uint8_t* at, const uint8_t* end) : at_(at), end_(end) {}

  bool ok() const { return ok_; }
  bool at_end() const { return at_ >= end_; }
  const uint8_t* position() const { return at_; }
  uint64_t remaining() const { return static_cast<uint64_t>(end_ - at_); }

  uint8_t u8() { return static_cast<uint8_t>(number<1>()); }
  uint16_t u16() { return static_cast<uint16_t>(number<2>()); }
  uint32_t u24() { return static_cast<uint32_t>(number<3>()); }
  uint32_t u32() { return static_cast<uint32_t>(number<4>()); }
  uint64_t u64() { return number<8>(); }
  // An offset or address of `size` bytes: 1, 2, 4 or 8.
  uint64_t sized(unsigned size) {
    switch (size) {
      case 1:
        return u8();
      case 2:
        return u16();
      case 4:
        return u32();
      case 8:
        return u64();
      default:
        fail();
        return 0;
    }
  }

  uint64_t uleb() {
    if (at_ < end_ && *at_ < 0x80) return *at_++;
    return long_uleb();
  }
  int64_t sleb() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < kMaxLebBits; shift += 7) {
      const uint8_t byte = u8();
      if (!ok_) return 0;
      if (shift < 64) value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) != 0) continue;
      if ((byte & 0x40) != 0 && shift + 7 < 64) value |= ~uint64_t{0} << (shift + 7);
      return static_cast<int64_t>(value);
    }
    fail();
    return 0;
  }
  void skip_leb() {
    for (unsigned i = 0; at_ < end_ && i < kMaxLebBits / 7; ++i) {
      if (*at_++ < 0x80) return;
    }
    fail();
  }

  void skip(uint64_t size) {
    if (size > remaining()) return fail();
    at_ += size;
  }
  ByteView bytes(uint64_t size) {
    const uint8_t* start = at_;
    skip(size);
    return ok_ ? ByteView(start, static_cast<size_t>(size)) : ByteView();
  }
  std::string_view c_string() {
    const void* nul = at_ < end_ ? std::memchr(at_, 0, static_cast<size_t>(end_ - at_)) : nullptr;
    if (nul == nullptr) {
      fail();
      return {};
    }
    const auto* stop = static_cast<const uint8_t*>(nul);
    const std::string_view text(reinterpret_cast<const char*>(at_),
                                static_cast<size_t>(stop - at_));
    at_ = stop + 1;
    return text;
  }
  void fail() {
    ok_ = false;
    at_ = end_;
  }

 private:
  static constexpr unsigned kMaxLebBits =
      16 * 7;  // padding is allowed, but nothing honest needs more

  template <unsigned kSize>
  uint64_t number() {
    if (static_cast<uint64_t>(end_ - at_) < kSize) {
      fail();
      return 0;
    }
    uint64_t value = 0;
    std::memcpy(&value, at_, kSize);
    at_ += kSize;
    return value;
  }
  uint64_t long_uleb() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < kMaxLebBits; shift += 7) {
      const uint8_t byte = u8();
      if (!ok_) return 0;
      if (shift < 64) value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    fail();
    return 0;
  }

  const uint8_t* at_ = nullptr;
  const uint8_t* end_ = nullptr;
  bool ok_ = true;
};

}  // namespace inquest::dwarf
