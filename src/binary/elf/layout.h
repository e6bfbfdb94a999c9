// The on-disk structures and numbers of ELF-64 that this room reads (gABI chapters 4 and 5).
#pragma once

#include <cstdint>

namespace inquest::elf {

struct RawHeader {  // Elf64_Ehdr
  uint8_t ident[16];
  uint16_t type;
  uint16_t machine;
  uint32_t version;
  uint64_t entry;
  uint64_t program_headers;
  uint64_t section_headers;
  uint32_t flags;
  uint16_t header_size;
  uint16_t program_header_size;
  uint16_t program_header_count;
  uint16_t section_header_size;
  uint16_t section_header_count;
  uint16_t section_names;
};
static_assert(sizeof(RawHeader) == 64);

struct RawSegment {  // Elf64_Phdr
  uint32_t type;
  uint32_t flags;
  uint64_t offset;
  uint64_t vaddr;
  uint64_t paddr;
  uint64_t file_size;
  uint64_t memory_size;
  uint64_t align;
};
static_assert(sizeof(RawSegment) == 56);

struct RawSection {  // Elf64_Shdr
  uint32_t name;
  uint32_t type;
  uint64_t flags;
  uint64_t address;
  uint64_t offset;
  uint64_t size;
  uint32_t link;
  uint32_t info;
  uint64_t align;
  uint64_t entry_size;
};
static_assert(sizeof(RawSection) == 64);

struct RawVersionNeed {  // Elf64_Verneed: a library, and a chain of versions
  uint16_t version;
  uint16_t count;
  uint32_t library;
  uint32_t first;  // offsets from this record, 0: none
  uint32_t next;
};
static_assert(sizeof(RawVersionNeed) == 16);

struct RawNeededVersion {  // Elf64_Vernaux
  uint32_t hash;
  uint16_t flags;
  uint16_t other;
  uint32_t name;
  uint32_t next;
};
static_assert(sizeof(RawNeededVersion) == 16);

struct RawVersionDefinition {  // Elf64_Verdef; the first name of its chain is its own
  uint16_t version;
  uint16_t flags;
  uint16_t index;
  uint16_t count;
  uint32_t hash;
  uint32_t first;
  uint32_t next;
};
static_assert(sizeof(RawVersionDefinition) == 20);

struct RawSymbol {  // Elf64_Sym
  uint32_t name;
  uint8_t info;
  uint8_t other;
  uint16_t section;
  uint64_t value;
  uint64_t size;
};
static_assert(sizeof(RawSymbol) == 24);

struct RawCompression {  // Elf64_Chdr
  uint32_t type;
  uint32_t reserved;
  uint64_t size;
  uint64_t align;
};
static_assert(sizeof(RawCompression) == 24);

struct RawDynamic {  // Elf64_Dyn
  int64_t tag;
  uint64_t value;
};
static_assert(sizeof(RawDynamic) == 16);

// Named as <elf.h> names them, in our spelling.
inline constexpr uint16_t kEtExec = 2, kEtDyn = 3, kEtCore = 4;
inline constexpr uint16_t kEm386 = 3, kEmArm = 40, kEmX86_64 = 62, kEmAArch64 = 183, kEmRiscV = 243,
                          kEmPpc64 = 21, kEmS390 = 22, kEmLoongArch = 258;
inline constexpr uint32_t kPtLoad = 1, kPtDynamic = 2, kPtInterp = 3, kPtNote = 4, kPtTls = 7,
                          kPtGnuEhFrame = 0x6474e550, kPtGnuRelro = 0x6474e552;
inline constexpr uint32_t kPfExecute = 1, kPfWrite = 2, kPfRead = 4;
inline constexpr uint16_t kPnXnum = 0xffff, kShnXindex = 0xffff;
inline constexpr uint32_t kShtSymtab = 2, kShtNote = 7, kShtNobits = 8, kShtDynsym = 11;
inline constexpr uint64_t kShfCompressed = 0x800;
inline constexpr uint32_t kCompressedZlib = 1, kCompressedZstd = 2;
inline constexpr int64_t kDtNull = 0, kDtHash = 4, kDtStrtab = 5, kDtSymtab = 6, kDtStrsz = 10,
                         kDtSoname = 14, kDtDebug = 21, kDtTextrel = 22, kDtFlags = 30,
                         kDtGnuHash = 0x6ffffef5, kDtVerdef = 0x6ffffffc, kDtVerneed = 0x6ffffffe;
inline constexpr uint32_t kNtGnuBuildId = 3;

}  // namespace inquest::elf
