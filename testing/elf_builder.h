// ElfBuilder: tiny ELF files for tests, made in memory. They are laid out like linked files:
// header, program headers, contents in the order of their adding, section names, section headers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace inquest::testing {

class ElfBuilder {
 public:
  explicit ElfBuilder(uint16_t type = 3 /* ET_DYN */, uint16_t machine = 62 /* EM_X86_64 */)
      : type_(type), machine_(machine) {}

  struct SectionSpec {
    std::string name;
    uint32_t type = 1;  // SHT_PROGBITS
    uint64_t flags = 0;
    uint64_t address = 0;
    Bytes contents;
    uint32_t link = 0;
    uint32_t info = 0;
    uint64_t entry_size = 0;
    std::optional<uint64_t> claimed_size;  // to lie about
  };
  // Returns the section's index (section 0 is the null section).
  uint32_t add_section(SectionSpec section);

  struct SymbolSpec {
    std::string name;
    uint64_t value = 0;
    uint64_t size = 0;
    uint8_t type = 2;     // STT_FUNC
    uint8_t binding = 1;  // STB_GLOBAL
    uint16_t section = 1;
  };
  // .symtab and .strtab (or .dynsym and .dynstr).
  void add_symbols(const std::vector<SymbolSpec>& symbols, bool dynamic = false);
  // .note.gnu.build-id in a section of its own, and a PT_NOTE over it. Headers are linked at
  // `base`.
  void add_build_id(ByteView id, uint64_t base = 0);
  void add_debug_link(std::string_view file_name, uint32_t crc);

  // A program header whose contents are appended to the file at an offset congruent to vaddr modulo
  // 4096.
  struct SegmentSpec {
    uint32_t type = 1;  // PT_LOAD
    uint32_t flags = 5;
    uint64_t vaddr = 0;
    Bytes contents;
    uint64_t memory_size = 0;  // 0: the size of contents
    uint64_t align = 0x1000;
  };
  void add_segment(SegmentSpec segment);
  // A program header over whatever lies at this offset of the file (0 and its headers: the usual
  // first PT_LOAD).
  void add_raw_segment(uint32_t type, uint32_t flags, uint64_t offset, uint64_t vaddr,
                       uint64_t file_size, uint64_t memory_size, uint64_t align = 0x1000);

  void set_entry(uint64_t entry) { entry_ = entry; }
  // Writes the counts of headers as more than 65,534 would be (PN_XNUM, SHN_XINDEX).
  void use_extended_numbering() { extended_ = true; }
  void omit_section_headers() { omit_sections_ = true; }

  Bytes build() const;

 private:
  struct RawSegmentSpec {
    SegmentSpec segment;
    bool appended = true;
    uint64_t offset = 0;
    std::optional<uint64_t> file_size;
    std::optional<uint32_t> section;  // covers the contents of this section
  };

  uint16_t type_;
  uint16_t machine_;
  uint64_t entry_ = 0;
  bool extended_ = false;
  bool omit_sections_ = false;
  std::vector<SectionSpec> sections_;
  std::vector<RawSegmentSpec> segments_;
};

// One note as it stands in a file, padded to `alignment`.
Bytes make_note(std::string_view name, uint32_t type, ByteView description, uint64_t alignment = 4);

// Appends the bytes of a value.
template <typename T>
void append(Bytes& bytes, const T& value) {
  const auto* raw = reinterpret_cast<const uint8_t*>(&value);
  bytes.insert(bytes.end(), raw, raw + sizeof(T));
}
void append_text(Bytes& bytes, std::string_view text);  // with its NUL
Bytes to_bytes(std::string_view text);                  // without

}  // namespace inquest::testing
