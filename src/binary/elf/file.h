// elf::File: a 64-bit little-endian ELF file (executable, library, debug file, core, or one dumped
// in memory).
//
// Parsing reads headers only; every table is bounded and read on demand. Sources: the System V gABI
// (chapters 4 and 5), the ELF-64 object file format, the GNU .gnu_debuglink and build-id
// conventions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/build_id.h"
#include "base/bytes.h"
#include "base/result.h"

namespace inquest::elf {

struct Segment {  // Elf64_Phdr
  uint32_t type = 0;
  uint32_t flags = 0;
  uint64_t offset = 0;
  uint64_t vaddr = 0;
  uint64_t file_size = 0;
  uint64_t memory_size = 0;
  uint64_t align = 0;
};

struct Section {  // Elf64_Shdr
  std::string_view name;
  uint32_t type = 0;
  uint64_t flags = 0;
  uint64_t address = 0;
  uint64_t offset = 0;
  uint64_t size = 0;
  uint32_t link = 0;
  uint32_t info = 0;
  uint64_t entry_size = 0;
};

struct Symbol {
  std::string_view name;
  uint64_t value = 0;  // link-time address (no load bias)
  uint64_t size = 0;
  uint8_t type = 0;     // STT_*
  uint8_t binding = 0;  // STB_*
  uint16_t section = 0;
};

struct DebugLink {
  std::string_view file_name;
  uint32_t crc32 = 0;
};

struct AltLink {  // dwz's .gnu_debugaltlink
  std::string_view file_name;
  BuildId build_id;
};

struct VersionNeed {
  std::string_view library, version;  // "libc.so.6", "GLIBC_2.34"
};

// Section contents: a view of the file, or bytes of their own when they were compressed.
class SectionData {
 public:
  explicit SectionData(ByteView view) : view_(view) {}
  explicit SectionData(Bytes owned) : owned_(std::move(owned)), view_(owned_) {}
  SectionData(SectionData&& other) noexcept { *this = std::move(other); }
  SectionData& operator=(SectionData&& other) noexcept {
    const bool owns = !other.owned_.empty();
    owned_ = std::move(other.owned_);
    view_ = owns ? ByteView(owned_) : other.view_;
    return *this;
  }
  ByteView bytes() const { return view_; }

 private:
  Bytes owned_;
  ByteView view_;
};

class File {
 public:
  // `bytes` must outlive the File. kCorrupt when not ELF, kUnsupported for 32-bit or big-endian
  // files. A file cut short still parses when its header and program headers are there; see
  // truncated().
  static Result<File> parse(ByteView bytes);
  // An ELF image as the loader laid it out in memory: bytes[0] is what was at `start`, and stands
  // for the lowest PT_LOAD address. Pointers of the dynamic section may have been relocated. There
  // are section headers only when the image is laid out like its file (vdso).
  static Result<File> parse_image(ByteView bytes, uint64_t start);

  ByteView bytes() const { return bytes_; }
  uint16_t type() const { return type_; }        // ET_*
  uint16_t machine() const { return machine_; }  // EM_*
  uint64_t entry() const { return entry_; }
  const std::vector<Segment>& segments() const { return segments_; }
  const std::vector<Section>& sections() const { return sections_; }
  const Section* find_section(std::string_view name) const;
  // The lowest page-aligned p_vaddr of a PT_LOAD: what the load bias is measured against.
  uint64_t first_load_address() const;
  // Bytes that headers promise beyond the end of the file; 0 when whole.
  uint64_t truncated() const;

  // The section's bytes, decompressed (SHF_COMPRESSED zlib and zstd, and old .zdebug_) when they
  // are. kNotFound for SHT_NOBITS, kTooLarge beyond kMaxSectionSize.
  Result<SectionData> section_data(const Section& section) const;
  Result<SectionData> section_data(std::string_view name) const;
  // Bytes of the file that back the link-time range [vaddr, vaddr + size) within one PT_LOAD. Not
  // for debug files, whose program headers speak of another file.
  std::optional<ByteView> bytes_at_vaddr(uint64_t vaddr, uint64_t size) const;

  std::optional<BuildId> build_id() const;        // from PT_NOTE or .note.gnu.build-id
  std::optional<DebugLink> debug_link() const;    // .gnu_debuglink
  std::optional<AltLink> alt_link() const;        // .gnu_debugaltlink
  std::optional<ByteView> gnu_debugdata() const;  // .gnu_debugdata: an xz-compressed ELF, as stored
  std::optional<uint64_t> dynamic_value(
      int64_t tag) const;  // the first DT_* of this tag, as stored
  std::optional<std::string_view> dynamic_string(int64_t tag) const;  // DT_SONAME …: via PT_DYNAMIC
  std::vector<std::string_view> dynamic_strings(int64_t tag) const;   // all of this tag: DT_NEEDED
  // Versions of symbols (".gnu.version_r", ".gnu.version_d"): which it asks other libraries for,
  // and which it has. Source: the Linux Standard Base, Symbol Versioning.
  std::vector<VersionNeed> needed_versions() const;
  std::vector<std::string_view> defined_versions() const;
  std::optional<std::string_view> interpreter() const;  // PT_INTERP
  bool has_debug_info() const;                          // .debug_info or .zdebug_info with contents

  // Calls `visit` for each symbol of .symtab (or, when there is none, .dynsym) in table order until
  // it answers false. Nothing is copied or sorted. Undefined symbols (section 0) are among them.
  // Hostile tables whose names add up to far more than the string table end early.
  void for_each_symbol(const std::function<bool(const Symbol&)>& visit) const;
  void for_each_dynamic_symbol(const std::function<bool(const Symbol&)>& visit) const;
  // The dynamic symbol of this name (exact, defined ones only).
  std::optional<Symbol> find_dynamic_symbol(std::string_view name) const;

 private:
  struct SymbolTable;

  File() = default;
  Status read_header(ByteView bytes);
  void read_segments(uint64_t table, uint64_t count);
  void read_sections(uint64_t table, uint64_t count, uint32_t names_index);
  uint64_t extended_segment_count(uint64_t table) const;
  // Like bytes_at_vaddr, but up to the end of the segment, and undoing relocation of `pointer` in
  // memory images.
  ByteView bytes_from(uint64_t pointer) const;
  ByteView dynamic_table() const;
  std::optional<std::string_view> dynamic_name(uint64_t offset) const;
  std::optional<BuildId> build_id_in(ByteView notes, uint64_t alignment) const;
  std::optional<SymbolTable> section_symbols(uint32_t type) const;
  std::optional<SymbolTable> dynamic_symbols() const;
  std::optional<Symbol> find_by_gnu_hash(std::string_view name, bool* searched) const;

  ByteView bytes_;
  bool image_ = false;          // laid out as in memory
  uint64_t image_bias_ = 0;     // of a memory image
  uint64_t promised_size_ = 0;  // what the ELF header's own tables need
  uint16_t type_ = 0;
  uint16_t machine_ = 0;
  uint64_t entry_ = 0;
  std::vector<Segment> segments_;
  std::vector<Section> sections_;
};

inline constexpr uint64_t kMaxSectionSize = uint64_t{8} << 30;
inline constexpr uint32_t kMaxSegments = 1u << 20;  // kernel cores use PN_XNUM beyond 65,535
inline constexpr uint32_t kMaxSections = 1u << 20;

// One note of a PT_NOTE segment or SHT_NOTE section (gABI, "Note Section").
struct Note {
  std::string_view name;  // without its NUL
  uint32_t type = 0;
  ByteView description;
};

// Calls `visit` for each well-formed note until it answers false. Returns kCorrupt / kTruncated
// when the notes end badly; the notes before that were visited.
Status for_each_note(ByteView notes, uint64_t alignment,
                     const std::function<bool(const Note&)>& visit);

// CRC-32 of a whole file, as .gnu_debuglink has it.
uint32_t debug_link_crc(ByteView file);

}  // namespace inquest::elf
