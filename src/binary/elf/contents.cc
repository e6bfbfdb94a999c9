// What a section holds, decompressed when it is stored compressed.
#include <fmt/format.h>

#include <algorithm>

#include "binary/elf/file.h"
#include "binary/elf/layout.h"
#include "platform/codec/codec.h"

namespace inquest::elf {
namespace {

constexpr uint64_t kOldHeaderSize = 12;  // "ZLIB", then the size, big-endian
// Debug sections shrink by 2 to 20 times. A claim far beyond that is an attempt to exhaust memory.
constexpr uint64_t kHonestRatio = 2048;
constexpr uint64_t kAlwaysAllowed = 1u << 20;

Result<SectionData> decompress(codec::Codec codec, ByteView stored, uint64_t size,
                               std::string_view name) {
  if (size > kMaxSectionSize) {
    return Error(ErrorCode::kTooLarge, fmt::format("section {} claims {} bytes", name, size));
  }
  const uint64_t possible = codec::largest_output(codec, stored.size());
  const uint64_t honest = std::max(kAlwaysAllowed, stored.size() * kHonestRatio);
  if (size > std::min(possible, honest)) {
    return Error(ErrorCode::kCorrupt, fmt::format("section {} claims {} bytes out of {} compressed",
                                                  name, size, stored.size()));
  }
  Bytes bytes(size);
  auto status = codec::decompress_exact(codec, stored, bytes);
  if (!status.ok()) {
    return std::move(status).error().with_context(fmt::format("section {}", name));
  }
  return SectionData(std::move(bytes));
}

Result<SectionData> decompress_chdr(ByteView stored, std::string_view name) {
  const auto header = load<RawCompression>(stored);
  if (!header) {
    return Error(ErrorCode::kCorrupt, fmt::format("section {}: no compression header", name));
  }
  const ByteView payload = stored.subspan(sizeof(RawCompression));
  switch (header->type) {
    case kCompressedZlib:
      return decompress(codec::Codec::kZlib, payload, header->size, name);
    case kCompressedZstd:
      return decompress(codec::Codec::kZstd, payload, header->size, name);
    default:
      return Error(ErrorCode::kUnsupported,
                   fmt::format("section {}: compression type {}", name, header->type));
  }
}

bool is_old_compressed(std::string_view name, ByteView stored) {
  return name.starts_with(".zdebug_") && stored.size() >= kOldHeaderSize && stored[0] == 'Z' &&
         stored[1] == 'L' && stored[2] == 'I' && stored[3] == 'B';
}

}  // namespace

Result<SectionData> File::section_data(const Section& section) const {
  if (section.type == kShtNobits) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("section {} has no contents in this file", section.name));
  }
  const auto stored = slice(bytes_, section.offset, section.size);
  if (!stored) {
    return Error(ErrorCode::kTruncated,
                 fmt::format("section {} lies beyond the end of the file", section.name));
  }
  if ((section.flags & kShfCompressed) != 0) return decompress_chdr(*stored, section.name);
  if (is_old_compressed(section.name, *stored)) {
    uint64_t size = 0;
    for (const uint8_t byte : stored->subspan(4, 8)) size = size << 8 | byte;
    return decompress(codec::Codec::kZlib, stored->subspan(kOldHeaderSize), size, section.name);
  }
  if (section.size > kMaxSectionSize) {
    return Error(ErrorCode::kTooLarge,
                 fmt::format("section {} has {} bytes", section.name, section.size));
  }
  return SectionData(*stored);
}

Result<SectionData> File::section_data(std::string_view name) const {
  const Section* section = find_section(name);
  if (section == nullptr && name.starts_with(".debug_")) {
    section = find_section(fmt::format(".z{}", name.substr(1)));
  }
  if (section == nullptr) {
    return Error(ErrorCode::kNotFound, fmt::format("there is no section {}", name));
  }
  return section_data(*section);
}

bool File::has_debug_info() const {
  for (const std::string_view name : {".debug_info", ".zdebug_info"}) {
    const Section* section = find_section(name);
    if (section != nullptr && section->type != kShtNobits && section->size > 0) return true;
  }
  return false;
}

}  // namespace inquest::elf
