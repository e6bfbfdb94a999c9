// Notes, and the identities kept in them and in the .gnu_ sections.
#include <fmt/format.h>

#include <array>

#include "base/cursor.h"
#include "binary/elf/file.h"
#include "binary/elf/layout.h"

namespace inquest::elf {
namespace {

constexpr uint64_t kMaxInterpreter = 4096;
constexpr uint64_t kMaxLinkName = 4096;

// File name, NUL; what follows depends on the section.
std::optional<std::string_view> link_name(ByteView bytes) {
  const std::string_view name = c_string(bytes.first(std::min(bytes.size(), kMaxLinkName)));
  if (name.empty() || name.size() >= bytes.size() || name.size() == kMaxLinkName) {
    return std::nullopt;
  }
  return name;
}

}  // namespace

Status for_each_note(ByteView notes, uint64_t alignment,
                     const std::function<bool(const Note&)>& visit) {
  const uint64_t step = alignment == 8 ? 8 : 4;
  Cursor cursor(notes);
  while (cursor.remaining() >= 12) {
    const uint64_t start = cursor.offset();
    const uint32_t name_size = cursor.u32();
    const uint32_t description_size = cursor.u32();
    Note note;
    note.type = cursor.u32();
    note.name = c_string(cursor.bytes(name_size));
    cursor.align(step);
    note.description = cursor.bytes(description_size);
    if (!cursor.ok()) {
      return Error(ErrorCode::kTruncated,
                   fmt::format("note at offset {:#x} does not end within its {} bytes", start,
                               notes.size()));
    }
    if (!visit(note)) return {};
    if (cursor.remaining() < step) break;  // the last one need not be padded
    cursor.align(step);
  }
  return {};
}

std::optional<BuildId> File::build_id_in(ByteView notes, uint64_t alignment) const {
  std::optional<BuildId> found;
  const Status ignored = for_each_note(notes, alignment, [&found](const Note& note) {
    if (note.type != kNtGnuBuildId || note.name != "GNU" || note.description.empty()) return true;
    found.emplace(note.description);
    return false;
  });
  static_cast<void>(ignored);  // what stands before the damage counts
  return found;
}

std::optional<BuildId> File::build_id() const {
  // Sections first: the program headers of a debug file speak of the binary that it was split from.
  for (const Section& section : sections_) {
    if (section.type != kShtNote) continue;
    const auto bytes = slice(bytes_, section.offset, section.size);
    if (!bytes) continue;
    if (auto id = build_id_in(*bytes, section.name == ".note.gnu.property" ? 8 : 4)) return id;
  }
  for (const Segment& segment : segments_) {
    if (segment.type != kPtNote) continue;
    const auto bytes = image_ ? bytes_at_vaddr(segment.vaddr, segment.memory_size)
                              : slice(bytes_, segment.offset, segment.file_size);
    if (!bytes) continue;
    if (auto id = build_id_in(*bytes, segment.align)) return id;
  }
  return std::nullopt;
}

std::optional<DebugLink> File::debug_link() const {
  const Section* section = find_section(".gnu_debuglink");
  if (section == nullptr || section->type == kShtNobits) return std::nullopt;
  const auto bytes = slice(bytes_, section->offset, section->size);
  const auto name = bytes ? link_name(*bytes) : std::nullopt;
  if (!name) return std::nullopt;
  const auto crc = load<uint32_t>(*bytes, (name->size() + 1 + 3) & ~uint64_t{3});
  return crc ? std::optional(DebugLink{*name, *crc}) : std::nullopt;
}

std::optional<AltLink> File::alt_link() const {
  const Section* section = find_section(".gnu_debugaltlink");
  if (section == nullptr || section->type == kShtNobits) return std::nullopt;
  const auto bytes = slice(bytes_, section->offset, section->size);
  const auto name = bytes ? link_name(*bytes) : std::nullopt;
  if (!name) return std::nullopt;
  const ByteView id = bytes->subspan(name->size() + 1);
  if (id.empty()) return std::nullopt;
  return AltLink{*name, BuildId(id)};
}

std::optional<ByteView> File::gnu_debugdata() const {
  const Section* section = find_section(".gnu_debugdata");
  if (section == nullptr || section->type == kShtNobits || section->size == 0) return std::nullopt;
  return slice(bytes_, section->offset, section->size);
}

std::optional<std::string_view> File::interpreter() const {
  for (const Segment& segment : segments_) {
    if (segment.type != kPtInterp || segment.file_size > kMaxInterpreter) continue;
    const auto bytes = image_ ? bytes_at_vaddr(segment.vaddr, segment.memory_size)
                              : slice(bytes_, segment.offset, segment.file_size);
    if (bytes) return c_string(*bytes);
  }
  return std::nullopt;
}

uint32_t debug_link_crc(ByteView file) {
  static const std::array<uint32_t, 256> kTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xedb88320u : 0);
      table[i] = value;
    }
    return table;
  }();
  uint32_t crc = 0xffffffffu;
  for (const uint8_t byte : file) crc = kTable[(crc ^ byte) & 0xff] ^ (crc >> 8);
  return ~crc;
}

}  // namespace inquest::elf
