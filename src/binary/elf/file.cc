// The ELF header and its two tables, and what is found by address.
#include "binary/elf/file.h"

#include <fmt/format.h>

#include <algorithm>

#include "binary/elf/layout.h"

namespace inquest::elf {
namespace {

constexpr uint64_t kPageMask = 0xfff;
constexpr uint64_t kMaxSectionName = 4096;

uint64_t end_of(uint64_t offset, uint64_t size) {
  return checked_add(offset, size).value_or(UINT64_MAX);
}

}  // namespace

Result<File> File::parse(ByteView bytes) {
  File file;
  INQ_TRY_STATUS(file.read_header(bytes));
  return file;
}

Result<File> File::parse_image(ByteView bytes, uint64_t start) {
  File file;
  INQ_TRY_STATUS(file.read_header(bytes));
  const uint64_t first = file.first_load_address();
  const bool like_file =
      std::all_of(file.segments_.begin(), file.segments_.end(), [first](const Segment& segment) {
        return segment.type != kPtLoad || segment.vaddr - first == segment.offset;
      });
  if (!like_file) file.sections_.clear();
  file.image_ = true;
  file.image_bias_ = start - first;
  return file;
}

Status File::read_header(ByteView bytes) {
  static constexpr uint8_t kMagic[] = {0x7f, 'E', 'L', 'F'};
  if (bytes.size() < sizeof(kMagic) || !std::equal(kMagic, kMagic + 4, bytes.begin())) {
    return Error(ErrorCode::kCorrupt, "not an ELF file");
  }
  if (bytes.size() > 4 && bytes[4] == 1) {
    return Error(ErrorCode::kUnsupported, "a 32-bit ELF file");
  }
  if (bytes.size() > 5 && bytes[5] == 2) {
    return Error(ErrorCode::kUnsupported, "a big-endian ELF file");
  }
  const auto header = load<RawHeader>(bytes);
  if (!header) {
    return Error(ErrorCode::kTruncated,
                 fmt::format("ELF header cut short: {} of 64 bytes", bytes.size()));
  }
  if (header->ident[4] != 2 || header->ident[5] != 1) {
    return Error(ErrorCode::kCorrupt, "ELF header names neither word size nor byte order");
  }
  bytes_ = bytes;
  type_ = header->type;
  machine_ = header->machine;
  entry_ = header->entry;

  // Counts that do not fit in the header live in section 0 (gABI, "ELF Header").
  std::optional<RawSection> first_section;
  if (header->section_headers != 0 && header->section_header_size == sizeof(RawSection)) {
    first_section = load<RawSection>(bytes, header->section_headers);
  }
  if (header->program_headers != 0 && header->program_header_size == sizeof(RawSegment)) {
    uint64_t count = header->program_header_count;
    if (count == kPnXnum) {
      count = first_section && first_section->info != 0
                  ? first_section->info
                  : extended_segment_count(header->program_headers);
    }
    read_segments(header->program_headers, count);
  }
  if (first_section) {
    const uint64_t count =
        header->section_header_count != 0 ? header->section_header_count : first_section->size;
    const uint32_t names =
        header->section_names == kShnXindex ? first_section->link : header->section_names;
    read_sections(header->section_headers, count, names);
  } else if (header->section_headers != 0) {
    const uint64_t size = uint64_t{header->section_header_count} * sizeof(RawSection);
    promised_size_ = std::max(promised_size_, end_of(header->section_headers, size));
  }
  return {};
}

// A core of more than 65,534 mappings keeps their number in a section header at its very end, which
// a truncated one has lost. Linux writes the notes right after the program headers, so the first of
// them tells.
uint64_t File::extended_segment_count(uint64_t table) const {
  const auto first = load<RawSegment>(bytes_, table);
  if (!first || first->type != kPtNote || first->offset <= table) return kPnXnum;
  return std::max<uint64_t>(kPnXnum, (first->offset - table) / sizeof(RawSegment));
}

void File::read_segments(uint64_t table, uint64_t count) {
  count = std::min<uint64_t>(count, kMaxSegments);
  promised_size_ = std::max(promised_size_, end_of(table, count * sizeof(RawSegment)));
  if (table >= bytes_.size()) return;
  count = std::min(count, (bytes_.size() - table) / sizeof(RawSegment));
  segments_.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    const RawSegment raw = *load<RawSegment>(bytes_, table + i * sizeof(RawSegment));
    segments_.push_back(
        {raw.type, raw.flags, raw.offset, raw.vaddr, raw.file_size, raw.memory_size, raw.align});
  }
}

void File::read_sections(uint64_t table, uint64_t count, uint32_t names_index) {
  count = std::min<uint64_t>(count, kMaxSections);
  promised_size_ = std::max(promised_size_, end_of(table, count * sizeof(RawSection)));
  count = std::min(count, (bytes_.size() - table) / sizeof(RawSection));
  ByteView names;
  if (names_index < count) {
    const RawSection raw = *load<RawSection>(bytes_, table + names_index * sizeof(RawSection));
    names = slice(bytes_, raw.offset, raw.size).value_or(ByteView());
  }
  sections_.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    const RawSection raw = *load<RawSection>(bytes_, table + i * sizeof(RawSection));
    std::string_view name;
    if (raw.name < names.size()) {
      const uint64_t room = std::min<uint64_t>(names.size() - raw.name, kMaxSectionName);
      name = c_string(names.subspan(raw.name, room));
    }
    sections_.push_back({name, raw.type, raw.flags, raw.address, raw.offset, raw.size, raw.link,
                         raw.info, raw.entry_size});
  }
}

const Section* File::find_section(std::string_view name) const {
  const auto found = std::find_if(sections_.begin(), sections_.end(),
                                  [name](const Section& section) { return section.name == name; });
  return found == sections_.end() ? nullptr : &*found;
}

uint64_t File::first_load_address() const {
  uint64_t lowest = UINT64_MAX;
  for (const Segment& segment : segments_) {
    if (segment.type == kPtLoad) lowest = std::min(lowest, segment.vaddr);
  }
  return lowest == UINT64_MAX ? 0 : lowest & ~kPageMask;
}

uint64_t File::truncated() const {
  uint64_t promised = promised_size_;
  // The program headers of a debug file describe the binary it was split from; its sections are its
  // own.
  if (type_ != kEtCore && !sections_.empty()) {
    for (const Section& section : sections_) {
      if (section.type == kShtNobits || section.type == 0) continue;
      promised = std::max(promised, end_of(section.offset, section.size));
    }
  } else if (!image_) {
    for (const Segment& segment : segments_) {
      if (segment.file_size == 0) continue;
      promised = std::max(promised, end_of(segment.offset, segment.file_size));
    }
  }
  return promised > bytes_.size() ? promised - bytes_.size() : 0;
}

std::optional<ByteView> File::bytes_at_vaddr(uint64_t vaddr, uint64_t size) const {
  const uint64_t first = image_ ? first_load_address() : 0;
  for (const Segment& segment : segments_) {
    if (segment.type != kPtLoad || vaddr < segment.vaddr) continue;
    const uint64_t inside = vaddr - segment.vaddr;
    const uint64_t extent = image_ ? segment.memory_size : segment.file_size;
    if (inside > extent || extent - inside < size || (size == 0 && inside == extent)) continue;
    if (image_) return slice(bytes_, vaddr - first, size);
    const auto offset = checked_add(segment.offset, inside);
    return offset ? slice(bytes_, *offset, size) : std::nullopt;
  }
  return std::nullopt;
}

ByteView File::bytes_from(uint64_t pointer) const {
  const uint64_t first = image_ ? first_load_address() : 0;
  for (const uint64_t vaddr : {pointer, pointer - image_bias_}) {
    for (const Segment& segment : segments_) {
      if (segment.type != kPtLoad || vaddr < segment.vaddr) continue;
      const uint64_t inside = vaddr - segment.vaddr;
      const uint64_t extent = image_ ? segment.memory_size : segment.file_size;
      if (inside >= extent) continue;
      const auto offset =
          image_ ? std::optional(vaddr - first) : checked_add(segment.offset, inside);
      if (!offset || *offset >= bytes_.size()) continue;
      return bytes_.subspan(*offset, std::min(extent - inside, bytes_.size() - *offset));
    }
  }
  return {};
}

}  // namespace inquest::elf
