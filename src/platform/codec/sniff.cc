// Magic numbers: RFC 1952 (gzip), RFC 1950 (zlib), RFC 8878 (zstd and skippable frames), the .xz
// and LZ4 frame format descriptions.
#include <algorithm>
#include <array>
#include <limits>

#include "platform/codec/codec.h"

namespace inquest::codec {

namespace {

constexpr uint32_t kZstdMagic = 0xfd2fb528;
constexpr uint32_t kLz4Magic = 0x184d2204;
constexpr uint32_t kSkippableMagic = 0x184d2a50;  // the low four bits are free
constexpr std::array<uint8_t, 6> kXzMagic = {0xfd, '7', 'z', 'X', 'Z', 0x00};
constexpr int kMaxSkippableFrames = 16;

bool is_skippable(uint32_t magic) { return (magic & ~uint32_t{0xf}) == kSkippableMagic; }

// Two bytes are a weak sign, so only what real encoders write counts: a 32 KiB window and no
// dictionary.
bool is_zlib_header(uint8_t method, uint8_t flags) {
  constexpr uint8_t kDeflate32K = 0x78;
  constexpr uint8_t kPresetDictionary = 0x20;
  return method == kDeflate32K && (method * 256 + flags) % 31 == 0 &&
         (flags & kPresetDictionary) == 0;
}

}  // namespace

std::string_view to_string(Codec codec) {
  switch (codec) {
    case Codec::kGzip:
      return "gzip";
    case Codec::kZlib:
      return "zlib";
    case Codec::kXz:
      return "xz";
    case Codec::kZstd:
      return "zstd";
    case Codec::kLz4:
      return "lz4";
  }
  return "unknown";
}

std::optional<Codec> sniff(ByteView start) {
  for (int skipped = 0; skipped <= kMaxSkippableFrames; ++skipped) {
    const std::optional<uint32_t> magic = load<uint32_t>(start);
    if (!magic || !is_skippable(*magic)) break;
    const std::optional<uint32_t> size = load<uint32_t>(start, 4);
    // Both zstd and lz4 define skippable frames; only zstd's tools begin a file with one.
    if (!size || start.size() - 8 <= *size) return Codec::kZstd;
    start = start.subspan(8 + *size);
  }
  if (start.size() >= 3 && start[0] == 0x1f && start[1] == 0x8b && start[2] == 8)
    return Codec::kGzip;
  if (start.size() >= kXzMagic.size() &&
      std::equal(kXzMagic.begin(), kXzMagic.end(), start.begin())) {
    return Codec::kXz;
  }
  const uint32_t magic = load<uint32_t>(start).value_or(0);
  if (magic == kZstdMagic) return Codec::kZstd;
  if (magic == kLz4Magic) return Codec::kLz4;
  if (start.size() >= 2 && is_zlib_header(start[0], start[1])) return Codec::kZlib;
  return std::nullopt;
}

uint64_t largest_output(Codec codec, uint64_t compressed_size) {
  // The densest each format can be: deflate codes 258 bytes in 2 bits; an LZ4 sequence of n bytes
  // copies 255 n; a zstd RLE block is 128 KiB in 4 bytes; LZMA's range coder spends at least some
  // 0.03 bit on 273 bytes.
  constexpr uint64_t kSlack = 64 * 1024;
  uint64_t ratio = 0;
  switch (codec) {
    case Codec::kGzip:
    case Codec::kZlib:
      ratio = 1032;
      break;
    case Codec::kLz4:
      ratio = 256;
      break;
    case Codec::kZstd:
    case Codec::kXz:
      ratio = 128 * 1024;
      break;
  }
  const std::optional<uint64_t> product = checked_multiply(compressed_size, ratio);
  const std::optional<uint64_t> sum = product ? checked_add(*product, kSlack) : std::nullopt;
  return sum.value_or(std::numeric_limits<uint64_t>::max());
}

}  // namespace inquest::codec
