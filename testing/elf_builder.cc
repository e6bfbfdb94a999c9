#include "testing/elf_builder.h"

#include <cstring>

namespace inquest::testing {
namespace {

constexpr uint64_t kHeader = 64, kProgramHeader = 56, kSectionHeader = 64;
constexpr uint16_t kXnum = 0xffff;

template <typename T>
void put(Bytes& bytes, uint64_t offset, T value) {
  if (bytes.size() < offset + sizeof(T)) bytes.resize(offset + sizeof(T));
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

void align_to(Bytes& bytes, uint64_t alignment, uint64_t remainder = 0) {
  while (bytes.size() % alignment != remainder) bytes.push_back(0);
}

}  // namespace

uint32_t ElfBuilder::add_section(SectionSpec section) {
  sections_.push_back(std::move(section));
  return static_cast<uint32_t>(sections_.size());
}

void ElfBuilder::add_symbols(const std::vector<SymbolSpec>& symbols, bool dynamic) {
  Bytes strings = {0};
  Bytes table(24);
  for (const SymbolSpec& symbol : symbols) {
    append(table, static_cast<uint32_t>(strings.size()));
    append(table, static_cast<uint8_t>(symbol.binding << 4 | symbol.type));
    append(table, uint8_t{0});
    append(table, symbol.section);
    append(table, symbol.value);
    append(table, symbol.size);
    append_text(strings, symbol.name);
  }
  const uint32_t link =
      add_section({.name = dynamic ? ".dynstr" : ".strtab", .type = 3, .contents = strings});
  add_section({.name = dynamic ? ".dynsym" : ".symtab",
               .type = dynamic ? 11u : 2u,
               .contents = table,
               .link = link,
               .info = 1,
               .entry_size = 24});
}

void ElfBuilder::add_build_id(ByteView id, uint64_t base) {
  RawSegmentSpec note;
  note.segment.type = 4;
  note.segment.flags = 4;
  note.segment.align = 4;
  note.segment.vaddr = base;
  note.section = add_section(
      {.name = ".note.gnu.build-id", .type = 7, .flags = 2, .contents = make_note("GNU", 3, id)});
  segments_.push_back(note);
}

void ElfBuilder::add_debug_link(std::string_view file_name, uint32_t crc) {
  Bytes contents;
  append_text(contents, file_name);
  align_to(contents, 4);
  append(contents, crc);
  add_section({.name = ".gnu_debuglink", .contents = contents});
}

void ElfBuilder::add_segment(SegmentSpec segment) {
  RawSegmentSpec raw;
  raw.segment = std::move(segment);
  segments_.push_back(std::move(raw));
}

void ElfBuilder::add_raw_segment(uint32_t type, uint32_t flags, uint64_t offset, uint64_t vaddr,
                                 uint64_t file_size, uint64_t memory_size, uint64_t align) {
  RawSegmentSpec raw;
  raw.segment = {type, flags, vaddr, {}, memory_size, align};
  raw.appended = false;
  raw.offset = offset;
  raw.file_size = file_size;
  segments_.push_back(std::move(raw));
}

Bytes ElfBuilder::build() const {
  Bytes file(kHeader + segments_.size() * kProgramHeader);
  Bytes names = {0};
  std::vector<uint64_t> offsets, name_offsets;
  for (const SectionSpec& section : sections_) {
    align_to(file, 8);
    offsets.push_back(file.size());
    name_offsets.push_back(names.size());
    append_text(names, section.name);
    if (section.type != 8) {
      file.insert(file.end(), section.contents.begin(), section.contents.end());
    }
  }

  for (size_t i = 0; i < segments_.size(); ++i) {
    const RawSegmentSpec& raw = segments_[i];
    uint64_t offset = raw.offset, size = raw.file_size.value_or(raw.segment.contents.size());
    uint64_t vaddr = raw.segment.vaddr;
    if (raw.section) {
      offset = offsets[*raw.section - 1];
      size = sections_[*raw.section - 1].contents.size();
      vaddr += offset;
    } else if (raw.appended) {
      align_to(file, 0x1000, vaddr % 0x1000);
      offset = file.size();
      file.insert(file.end(), raw.segment.contents.begin(), raw.segment.contents.end());
    }
    const uint64_t at = kHeader + i * kProgramHeader;
    put(file, at, raw.segment.type);
    put(file, at + 4, raw.segment.flags);
    put(file, at + 8, offset);
    put(file, at + 16, vaddr);
    put(file, at + 24, vaddr);
    put(file, at + 32, size);
    put(file, at + 40, raw.segment.memory_size != 0 ? raw.segment.memory_size : size);
    put(file, at + 48, raw.segment.align);
  }

  put(file, 0, uint32_t{0x464c457f});
  put(file, 4, uint32_t{0x00010102});  // 64-bit, little-endian, version 1
  put(file, 16, type_);
  put(file, 18, machine_);
  put(file, 20, uint32_t{1});
  put(file, 24, entry_);
  put(file, 52, uint16_t{kHeader});
  if (!segments_.empty()) {
    put(file, 32, kHeader);
    put(file, 54, uint16_t{kProgramHeader});
    put(file, 56, extended_ ? kXnum : static_cast<uint16_t>(segments_.size()));
  }
  if (omit_sections_ || (sections_.empty() && !extended_)) return file;

  const auto name_offset = static_cast<uint32_t>(names.size());
  append_text(names, ".shstrtab");
  const uint64_t names_at = file.size();
  file.insert(file.end(), names.begin(), names.end());
  align_to(file, 8);
  const uint64_t table = file.size();
  const auto count = static_cast<uint32_t>(sections_.size() + 2);
  file.resize(table + count * kSectionHeader);
  for (size_t i = 0; i < sections_.size(); ++i) {
    const SectionSpec& section = sections_[i];
    const uint64_t at = table + (i + 1) * kSectionHeader;
    put(file, at, static_cast<uint32_t>(name_offsets[i]));
    put(file, at + 4, section.type);
    put(file, at + 8, section.flags);
    put(file, at + 16, section.address);
    put(file, at + 24, offsets[i]);
    put(file, at + 32, section.claimed_size.value_or(section.contents.size()));
    put(file, at + 40, section.link);
    put(file, at + 44, section.info);
    put(file, at + 48, uint64_t{1});
    put(file, at + 56, section.entry_size);
  }
  const uint64_t at = table + (count - 1) * kSectionHeader;
  put(file, at, name_offset);
  put(file, at + 4, uint32_t{3});
  put(file, at + 24, names_at);
  put(file, at + 32, uint64_t{names.size()});
  put(file, 40, table);
  put(file, 58, uint16_t{kSectionHeader});
  put(file, 60, extended_ ? uint16_t{0} : static_cast<uint16_t>(count));
  put(file, 62, extended_ ? kXnum : static_cast<uint16_t>(count - 1));
  if (extended_) {
    put(file, table + 32, uint64_t{count});
    put(file, table + 40, count - 1);
    put(file, table + 44, static_cast<uint32_t>(segments_.size()));
  }
  return file;
}

Bytes make_note(std::string_view name, uint32_t type, ByteView description, uint64_t alignment) {
  Bytes note;
  append(note, static_cast<uint32_t>(name.size() + 1));
  append(note, static_cast<uint32_t>(description.size()));
  append(note, type);
  append_text(note, name);
  align_to(note, alignment);
  note.insert(note.end(), description.begin(), description.end());
  align_to(note, alignment);
  return note;
}

void append_text(Bytes& bytes, std::string_view text) {
  bytes.insert(bytes.end(), text.begin(), text.end());
  bytes.push_back(0);
}

Bytes to_bytes(std::string_view text) { return {text.begin(), text.end()}; }

}  // namespace inquest::testing
