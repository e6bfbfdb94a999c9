#include "process/input/minidump_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/cursor.h"
#include "base/utf8.h"

namespace inquest::process {
namespace {

using minidump::Location;

constexpr uint32_t kSignature = 0x504d444d;  // "MDMP"
constexpr uint16_t kVersion = 0xa793;        // the lower half; the upper is the writer's own
constexpr uint64_t kHeaderSize = 32, kDirectoryEntrySize = 12;
constexpr uint64_t kCountSize = 4;

Error cut_off(ByteView bytes, std::string_view before) {
  return {ErrorCode::kTruncated,
          fmt::format("the minidump is cut off before {} ({} bytes are there): copy it again",
                      before, bytes.size())};
}

}  // namespace

std::string utf8_of_utf16(ByteView bytes) {
  std::u16string characters;
  for (uint64_t at = 0; at + 2 <= bytes.size(); at += 2) {
    const auto unit = static_cast<char16_t>(*load<uint16_t>(bytes, at));
    if (unit == 0) break;
    characters.push_back(unit);
  }
  return inquest::utf8_of_utf16(characters);
}

Location location_at(ByteView record, uint64_t offset) {
  const auto size = load<uint32_t>(record, offset);
  const auto rva = load<uint32_t>(record, offset + 4);
  return size && rva ? Location{*size, *rva} : Location{};
}

bool MinidumpFile::is_minidump(ByteView start) { return load<uint32_t>(start) == kSignature; }

Result<MinidumpFile> MinidumpFile::parse(ByteView bytes) {
  if (!is_minidump(bytes)) return Error(ErrorCode::kCorrupt, "this is no minidump");
  Cursor header(bytes);
  header.skip(4);
  const uint32_t version = header.u32();
  const uint32_t count = header.u32();
  const uint32_t directory_rva = header.u32();
  header.skip(4);  // checksum
  const uint32_t written_at = header.u32();
  header.skip(8);  // flags
  if (!header.ok()) return cut_off(bytes, "the end of its header");
  if ((version & 0xffff) != kVersion) {
    return Error(ErrorCode::kUnsupported,
                 fmt::format("a minidump of version {:#x}; only {:#x} is known", version & 0xffff,
                             kVersion));
  }
  if (count == 0) {
    return Error(ErrorCode::kTruncated,
                 "the minidump has no streams: its writer did not come to an end");
  }
  if (directory_rva < kHeaderSize) {
    return Error(ErrorCode::kCorrupt, "the minidump's directory lies inside its header");
  }
  if (count > kMaxMinidumpStreams) {
    return Error(ErrorCode::kTooLarge, fmt::format("a minidump of {} streams; {} are the limit",
                                                   count, kMaxMinidumpStreams));
  }
  MinidumpFile file(bytes);
  file.written_at_ = written_at;
  Cursor directory(bytes);
  directory.seek(directory_rva);
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t type = directory.u32();
    const Location location{.size = directory.u32(), .rva = directory.u32()};
    if (!directory.ok()) {
      if (i == 0) return cut_off(bytes, "its directory");
      file.lost_ = (count - i) * kDirectoryEntrySize;
      break;
    }
    if (type == 0 || location.size == 0) continue;  // a place that the writer left unused
    if (!file.streams_.emplace(type, location).second) continue;
    const uint64_t end = uint64_t{location.rva} + location.size;
    if (end > bytes.size()) file.lost_ = std::max(file.lost_, end - bytes.size());
  }
  return file;
}

ByteView MinidumpFile::stream(uint32_t type) const {
  const auto found = streams_.find(type);
  return found == streams_.end() ? ByteView() : at(found->second);
}

ByteView MinidumpFile::at(Location location) const {
  if (location.rva >= bytes_.size()) return {};
  return bytes_.subspan(location.rva,
                        std::min<uint64_t>(location.size, bytes_.size() - location.rva));
}

ByteView MinidumpFile::whole(Location location) const {
  return slice(bytes_, location.rva, location.size).value_or(ByteView());
}

std::vector<ByteView> MinidumpFile::list(uint32_t type, uint64_t entry_size) const {
  std::vector<ByteView> entries;
  const auto found = streams_.find(type);
  if (found == streams_.end()) return entries;
  const ByteView bytes = at(found->second);
  const auto count = load<uint32_t>(bytes);
  if (!count) return entries;
  // Some writers align the entries to eight bytes. The size of the stream tells.
  const uint64_t padded = 2 * kCountSize + *count * entry_size;
  const uint64_t start = found->second.size == padded ? 2 * kCountSize : kCountSize;
  if (bytes.size() < start) return entries;
  const uint64_t whole = std::min<uint64_t>(*count, (bytes.size() - start) / entry_size);
  entries.reserve(whole);
  for (uint64_t i = 0; i < whole; ++i) {
    entries.push_back(bytes.subspan(start + i * entry_size, entry_size));
  }
  return entries;
}

ByteView MinidumpFile::text_at(uint64_t rva) const {
  const auto length = load<uint32_t>(bytes_, rva);
  if (rva == 0 || !length) return {};
  const ByteView rest = bytes_.subspan(rva + 4);
  const uint64_t size = std::min<uint64_t>({*length, rest.size(), kMaxMinidumpText});
  if (size > text_left_) return {};
  text_left_ -= size;
  return rest.first(size);
}

std::string MinidumpFile::utf16(uint64_t rva) const { return utf8_of_utf16(text_at(rva)); }

std::string MinidumpFile::utf8(uint64_t rva) const {
  return repair_utf8(inquest::c_string(text_at(rva)));
}

}  // namespace inquest::process
