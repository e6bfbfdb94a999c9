#include "base/cursor.h"

namespace inquest {
namespace {

// DWARF allows padding, but nothing honest needs more than this.
constexpr int kMaxLeb128Bytes = 16;

}  // namespace

uint64_t Cursor::uleb128() {
  uint64_t value = 0;
  for (int i = 0; i < kMaxLeb128Bytes; ++i) {
    const uint8_t byte = u8();
    if (!ok_) return 0;
    if (i * 7 < 64) value |= static_cast<uint64_t>(byte & 0x7f) << (i * 7);
    if ((byte & 0x80) == 0) return value;
  }
  ok_ = false;
  return 0;
}

int64_t Cursor::sleb128() {
  uint64_t value = 0;
  for (int i = 0; i < kMaxLeb128Bytes; ++i) {
    const uint8_t byte = u8();
    if (!ok_) return 0;
    const int shift = i * 7;
    if (shift < 64) value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) {
      const bool negative = (byte & 0x40) != 0;
      if (negative && shift + 7 < 64) value |= ~uint64_t{0} << (shift + 7);
      return static_cast<int64_t>(value);
    }
  }
  ok_ = false;
  return 0;
}

std::string_view Cursor::c_string() {
  if (!ok_) return {};
  const ByteView rest = bytes_.subspan(offset_);
  const std::string_view text = inquest::c_string(rest);
  if (text.size() == rest.size()) {
    ok_ = false;
    return {};
  }
  offset_ += text.size() + 1;
  return text;
}

ByteView Cursor::bytes(uint64_t size) {
  auto part = slice(bytes_, offset_, size);
  if (!ok_ || !part) {
    ok_ = false;
    return {};
  }
  offset_ += size;
  return *part;
}

void Cursor::seek(uint64_t offset) {
  if (offset > bytes_.size()) {
    ok_ = false;
    return;
  }
  offset_ = offset;
}

void Cursor::align(uint64_t alignment) {
  const uint64_t past = offset_ & (alignment - 1);
  if (past != 0) skip(alignment - past);
}

}  // namespace inquest
