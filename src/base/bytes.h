// Bytes: views of evidence, and checked arithmetic on the numbers found in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace inquest {

using ByteView = std::span<const uint8_t>;
using Bytes = std::vector<uint8_t>;

// Reads a little-endian T at `offset`; nullopt when it does not fit. (Both of our targets are
// little-endian.)
template <typename T>
std::optional<T> load(ByteView bytes, uint64_t offset = 0) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// The part [offset, offset + size) of `bytes`, or nullopt when it does not lie inside.
inline std::optional<ByteView> slice(ByteView bytes, uint64_t offset, uint64_t size) {
  if (offset > bytes.size() || bytes.size() - offset < size) return std::nullopt;
  return bytes.subspan(offset, size);
}

inline std::optional<uint64_t> checked_add(uint64_t a, uint64_t b) {
  uint64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

inline std::optional<uint64_t> checked_multiply(uint64_t a, uint64_t b) {
  uint64_t product;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

// The text up to the first NUL (or the end of `bytes`).
inline std::string_view c_string(ByteView bytes) {
  const char* text = reinterpret_cast<const char*>(bytes.data());
  return {text, bytes.empty() ? 0 : strnlen(text, bytes.size())};
}

}  // namespace inquest
