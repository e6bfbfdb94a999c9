#include "binary/elf/file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <vector>

#include "binary/elf/layout.h"
#include "testing/elf_builder.h"

namespace inquest::elf {
namespace {

using inquest::testing::append;
using inquest::testing::append_text;
using inquest::testing::ElfBuilder;
using inquest::testing::make_note;
using inquest::testing::to_bytes;

const Bytes kId = {0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4};

Bytes read_whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> names_of(const File& file, bool dynamic = false) {
  std::vector<std::string> names;
  const auto visit = [&names](const Symbol& symbol) {
    names.emplace_back(symbol.name);
    return true;
  };
  if (dynamic) {
    file.for_each_dynamic_symbol(visit);
  } else {
    file.for_each_symbol(visit);
  }
  return names;
}

TEST(ElfFile, TellsWhatIsNotAnElfFile) {
  EXPECT_EQ(File::parse({}).error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(File::parse(to_bytes("#!/bin/sh\nexit 0\n")).error().code(), ErrorCode::kCorrupt);
}

TEST(ElfFile, TellsAShortHeaderFromAnOtherWordSizeAndByteOrder) {
  Bytes file = ElfBuilder().build();
  EXPECT_EQ(File::parse(ByteView(file).first(40)).error().code(), ErrorCode::kTruncated);
  file[4] = 1;
  EXPECT_EQ(File::parse(file).error().code(), ErrorCode::kUnsupported);
  file[4] = 2;
  file[5] = 2;
  EXPECT_EQ(File::parse(file).error().code(), ErrorCode::kUnsupported);
}

TEST(ElfFile, ReadsHeaderSegmentsAndSections) {
  ElfBuilder builder(kEtExec, kEmAArch64);
  builder.set_entry(0x400123);
  builder.add_section({.name = ".text", .address = 0x400100, .contents = to_bytes("code")});
  builder.add_segment({.vaddr = 0x400000, .contents = to_bytes("text"), .memory_size = 0x100});
  const Bytes bytes = builder.build();
  const auto file = File::parse(bytes);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->type(), kEtExec);
  EXPECT_EQ(file->machine(), kEmAArch64);
  EXPECT_EQ(file->entry(), 0x400123u);
  EXPECT_EQ(file->first_load_address(), 0x400000u);
  EXPECT_EQ(file->truncated(), 0u);
  ASSERT_NE(file->find_section(".text"), nullptr);
  EXPECT_EQ(c_string(file->section_data(".text")->bytes()), "code");
  EXPECT_EQ(file->section_data(".data").error().code(), ErrorCode::kNotFound);
}

TEST(ElfFile, FindsBytesByAddressWithinOneSegmentOnly) {
  ElfBuilder builder;
  builder.add_segment({.vaddr = 0x1000, .contents = to_bytes("abcdef"), .memory_size = 0x2000});
  const Bytes bytes = builder.build();
  const auto file = File::parse(bytes);
  EXPECT_EQ(c_string(*file->bytes_at_vaddr(0x1002, 4)), "cdef");
  EXPECT_FALSE(file->bytes_at_vaddr(0x1002, 5)) << "bss has no bytes in the file";
  EXPECT_FALSE(file->bytes_at_vaddr(0xfff, 1));
  EXPECT_FALSE(file->bytes_at_vaddr(UINT64_MAX, 2));
}

TEST(ElfFile, ReadsCountsFromSectionZeroWhenTheyDoNotFitTheHeader) {
  ElfBuilder builder;
  builder.use_extended_numbering();
  builder.add_section({.name = ".one", .contents = to_bytes("1")});
  builder.add_segment({.vaddr = 0x1000, .contents = to_bytes("x")});
  builder.add_segment({.vaddr = 0x2000, .contents = to_bytes("y")});
  const Bytes bytes = builder.build();
  const auto file = File::parse(bytes);
  EXPECT_EQ(file->segments().size(), 2u);
  EXPECT_NE(file->find_section(".one"), nullptr);
}

TEST(ElfFile, CountsSegmentsOfATruncatedCoreByWhereItsNotesBegin) {
  constexpr uint64_t kCount = 70'000;
  ElfBuilder builder(kEtCore);
  builder.use_extended_numbering();
  builder.add_raw_segment(kPtNote, 0, 64 + 56 * kCount, 0, 0, 0);
  for (uint64_t i = 1; i < kCount; ++i) builder.add_raw_segment(kPtLoad, 6, 0, i << 12, 0, 4096);
  Bytes bytes = builder.build();
  bytes.resize(64 + 56 * kCount);  // section 0 is lost
  const auto file = File::parse(bytes);
  EXPECT_EQ(file->segments().size(), kCount);
  EXPECT_EQ(file->segments().back().vaddr, (kCount - 1) << 12);
  EXPECT_GT(file->truncated(), 0u);
}

TEST(ElfFile, SaysHowMuchOfATruncatedFileIsMissing) {
  ElfBuilder builder(kEtCore);
  builder.add_segment({.vaddr = 0x1000, .contents = Bytes(1000, 7)});
  const Bytes bytes = builder.build();
  const auto file = File::parse(ByteView(bytes).first(bytes.size() - 100));
  EXPECT_EQ(file->truncated(), 100u);
}

TEST(ElfFile, DoesNotBelieveSizesThatWrapAround) {
  ElfBuilder builder;
  builder.add_raw_segment(kPtLoad, 5, UINT64_MAX - 4, UINT64_MAX - 8, UINT64_MAX, UINT64_MAX);
  builder.add_section({.name = ".x", .contents = to_bytes("x"), .claimed_size = UINT64_MAX});
  const Bytes bytes = builder.build();
  const auto file = File::parse(bytes);
  ASSERT_TRUE(file.ok());
  EXPECT_GT(file->truncated(), 0u);
  EXPECT_FALSE(file->bytes_at_vaddr(UINT64_MAX - 2, 8));
  EXPECT_EQ(file->section_data(".x").error().code(), ErrorCode::kTruncated);
}

TEST(ElfFile, FindsTheBuildIdWithAndWithoutSectionHeaders) {
  ElfBuilder builder;
  builder.add_build_id(kId);
  const Bytes with_sections = builder.build();
  EXPECT_EQ(File::parse(with_sections)->build_id(), BuildId(kId));
  builder.omit_section_headers();
  const Bytes without = builder.build();
  EXPECT_EQ(File::parse(without)->build_id(), BuildId(kId));
  const Bytes none = ElfBuilder().build();
  EXPECT_FALSE(File::parse(none)->build_id());
}

TEST(ElfFile, ReadsDebugLinkAndAltLink) {
  ElfBuilder builder;
  builder.add_debug_link("prog.debug", 0x12345678);
  Bytes alt;
  append_text(alt, "../.dwz/prog");
  alt.insert(alt.end(), kId.begin(), kId.end());
  builder.add_section({.name = ".gnu_debugaltlink", .contents = alt});
  const Bytes bytes = builder.build();
  const auto file = File::parse(bytes);
  EXPECT_EQ(file->debug_link()->file_name, "prog.debug");
  EXPECT_EQ(file->debug_link()->crc32, 0x12345678u);
  EXPECT_EQ(file->alt_link()->file_name, "../.dwz/prog");
  EXPECT_EQ(file->alt_link()->build_id, BuildId(kId));
}

TEST(ElfFile, ComputesTheCrcOfDebugLinks) {
  EXPECT_EQ(debug_link_crc(to_bytes("123456789")), 0xcbf43926u);
  EXPECT_EQ(debug_link_crc({}), 0u);
}

TEST(ElfFile, VisitsSymbolsInTableOrderUntilToldToStop) {
  ElfBuilder builder;
  builder.add_symbols({{.name = "b", .value = 2}, {.name = "a", .value = 1}});
  builder.add_symbols({{.name = "exported", .value = 3}}, true);
  const Bytes bytes = builder.build();
  const auto file = File::parse(bytes);
  EXPECT_EQ(names_of(*file), (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(names_of(*file, true), (std::vector<std::string>{"exported"}));
  int seen = 0;
  file->for_each_symbol([&seen](const Symbol&) { return ++seen < 1; });
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(file->find_dynamic_symbol("exported")->value, 3u);
  EXPECT_FALSE(file->find_dynamic_symbol("a"));
}

// Dynamic section, symbols, strings and hash in one segment at `vaddr`, pointers moved by `bias` as
// ld.so does.
Bytes dynamic_image(uint64_t vaddr, uint64_t bias, bool gnu_hash) {
  Bytes symbols(24), strings = {0}, hash, dynamic;
  for (const char* name : {"first", "second"}) {
    append(symbols, static_cast<uint32_t>(strings.size()));
    append(symbols, uint32_t{0x00010012});
    append(symbols, uint64_t{vaddr + 0x500});
    append(symbols, uint64_t{16});
    append_text(strings, name);
  }
  const auto soname = static_cast<uint64_t>(strings.size());
  append_text(strings, "libtiny.so.1");
  if (gnu_hash) {
    for (const uint32_t word : {1u, 1u, 1u, 0u, ~0u, ~0u, 1u}) append(hash, word);
    for (const std::string_view name : {"first", "second"}) {
      uint32_t value = 5381;
      for (const char c : name) value = value * 33 + static_cast<uint8_t>(c);
      append(hash, name == "second" ? value | 1 : value & ~1u);
    }
  } else {
    for (const uint32_t word : {1u, 3u, 1u, 0u, 2u, 0u}) append(hash, word);
  }
  const uint64_t symbol_at = 0x200, string_at = 0x280, hash_at = 0x2c0;
  const std::vector<std::pair<int64_t, uint64_t>> entries = {
      {kDtSymtab, bias + vaddr + symbol_at},
      {kDtStrtab, bias + vaddr + string_at},
      {kDtStrsz, strings.size()},
      {gnu_hash ? kDtGnuHash : kDtHash, bias + vaddr + hash_at},
      {kDtSoname, soname},
      {kDtNull, 0}};
  for (const auto& [tag, value] : entries) {
    append(dynamic, tag);
    append(dynamic, value);
  }
  Bytes content(0x400);
  std::copy(dynamic.begin(), dynamic.end(), content.begin() + 0x100);
  std::copy(symbols.begin(), symbols.end(), content.begin() + symbol_at);
  std::copy(strings.begin(), strings.end(), content.begin() + string_at);
  std::copy(hash.begin(), hash.end(), content.begin() + hash_at);
  return content;
}

TEST(ElfFile, ReadsDynamicSymbolsWithoutSectionHeaders) {
  for (const bool gnu_hash : {false, true}) {
    ElfBuilder builder;
    builder.add_segment({.vaddr = 0x1000, .contents = dynamic_image(0x1000, 0, gnu_hash)});
    builder.add_raw_segment(kPtDynamic, 6, 0x1100, 0x1100, 0x60, 0x60);
    const Bytes bytes = builder.build();
    const auto file = File::parse(bytes);
    EXPECT_EQ(names_of(*file), (std::vector<std::string>{"first", "second"})) << gnu_hash;
    EXPECT_EQ(file->find_dynamic_symbol("second")->value, 0x1500u);
    EXPECT_FALSE(file->find_dynamic_symbol("third"));
    EXPECT_EQ(file->dynamic_string(kDtSoname), "libtiny.so.1");
  }
}

TEST(ElfFile, ReadsARelocatedImageOutOfMemory) {
  constexpr uint64_t kStart = 0x7f0000000000;
  ElfBuilder builder;
  builder.add_raw_segment(kPtLoad, 4, 0, 0, 0x100, 0x100);
  builder.add_segment({.vaddr = 0x3000, .contents = dynamic_image(0x3000, kStart, true)});
  builder.add_raw_segment(kPtDynamic, 6, 0x1100, 0x3100, 0x60, 0x60);
  const Bytes file = builder.build();
  Bytes memory(0x3400);
  std::copy(file.begin(), file.begin() + 0x100 + 0x100, memory.begin());
  const Bytes content = dynamic_image(0x3000, kStart, true);
  std::copy(content.begin(), content.end(), memory.begin() + 0x3000);
  const auto image = File::parse_image(memory, kStart);
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image->dynamic_string(kDtSoname), "libtiny.so.1");
  EXPECT_EQ(image->find_dynamic_symbol("first")->value, 0x3500u);
  EXPECT_EQ(image->bytes_at_vaddr(0x3100, 1)->data(), memory.data() + 0x3100);
}

TEST(ElfFile, RefusesImpossibleCompressedSizes) {
  Bytes chdr;
  append(chdr, uint32_t{1});
  append(chdr, uint32_t{0});
  append(chdr, uint64_t{4} << 30);
  append(chdr, uint64_t{1});
  append(chdr, uint64_t{0x1234});
  ElfBuilder builder;
  builder.add_section({.name = ".debug_info", .flags = kShfCompressed, .contents = chdr});
  chdr[0] = 9;
  builder.add_section({.name = ".debug_line", .flags = kShfCompressed, .contents = chdr});
  const Bytes bytes = builder.build();
  const auto file = File::parse(bytes);
  EXPECT_TRUE(file->has_debug_info());
  EXPECT_EQ(file->section_data(".debug_info").error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(file->section_data(".debug_line").error().code(), ErrorCode::kUnsupported);
}

// What compilers and objcopy wrote. A unit of DWARF begins with its length, which tells whether all
// of it is there.
TEST(ElfFile, DecompressesSectionsOfZlibAndZstd) {
  for (const char* name : {"lib-zlib.so", "object-zstd"}) {
    const Bytes bytes = read_whole(std::string("tests/fuzz/elf_fuzzer/") + name);
    const auto file = File::parse(bytes);
    ASSERT_TRUE(file.ok()) << name;
    ASSERT_NE(file->find_section(".debug_info")->flags & kShfCompressed, 0u) << name;
    const auto data = file->section_data(".debug_info");
    ASSERT_TRUE(data.ok()) << data.error().message();
    EXPECT_EQ(*load<uint32_t>(data->bytes()) + 4, data->bytes().size()) << name;
    EXPECT_EQ(load<uint16_t>(data->bytes(), 4), 5) << name;
  }
}

TEST(ElfFile, DecompressesOldGnuSections) {
  // "ZLIB", the size big-endian, then zlib's stored block of "debug!".
  const Bytes packed = {'Z', 'L', 'I',  'B',  0,    0,    0,    0,    0,    0,
                        0,   6,   0x78, 0x01, 0x01, 0x06, 0x00, 0xf9, 0xff, 'd',
                        'e', 'b', 'u',  'g',  '!',  0x08, 0x2d, 0x02, 0x29};
  ElfBuilder builder;
  builder.add_section({.name = ".zdebug_info", .contents = packed});
  const Bytes bytes = builder.build();
  const auto file = File::parse(bytes);
  EXPECT_TRUE(file->has_debug_info());
  const auto data = file->section_data(".debug_info");
  ASSERT_TRUE(data.ok()) << data.error().message();
  EXPECT_EQ(Bytes(data->bytes().begin(), data->bytes().end()), to_bytes("debug!"));
}

TEST(ElfFile, EndsAHostileSymbolTableEarly) {
  ElfBuilder builder;
  Bytes symbols(24 * 100'000), strings(65'000, 'a');  // each name is the whole table
  strings[0] = 0;
  for (size_t i = 1; i < 100'000; ++i) symbols[i * 24] = 1;
  const uint32_t link = builder.add_section({.name = ".strtab", .type = 3, .contents = strings});
  builder.add_section({.name = ".symtab", .type = kShtSymtab, .contents = symbols, .link = link});
  const Bytes bytes = builder.build();
  const auto file = File::parse(bytes);
  size_t seen = 0;
  file->for_each_symbol([&seen](const Symbol&) { return ++seen > 0; });
  EXPECT_LT(seen, 1000u);
}

TEST(ElfFile, SurvivesEveryTruncation) {
  ElfBuilder builder;
  builder.add_build_id(kId);
  builder.add_debug_link("x.debug", 1);
  builder.add_symbols({{.name = "f"}});
  builder.add_segment({.vaddr = 0x1000, .contents = dynamic_image(0x1000, 0, true)});
  builder.add_raw_segment(kPtDynamic, 6, 0x1100, 0x1100, 0x60, 0x60);
  const Bytes bytes = builder.build();
  for (size_t size = 0; size < bytes.size(); size += 3) {
    const Bytes cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
    const auto file = File::parse(cut);
    if (!file.ok()) continue;
    EXPECT_GT(file->truncated(), 0u) << size;
    static_cast<void>(names_of(*file));
    static_cast<void>(file->build_id());
    static_cast<void>(file->dynamic_string(kDtSoname));
  }
}

TEST(ElfFile, ReadsTheCLibraryOfThisMachine) {
  const Bytes bytes = read_whole("/lib/x86_64-linux-gnu/libc.so.6");
  if (bytes.empty()) GTEST_SKIP() << "no x86-64 glibc here";
  const auto file = File::parse(bytes);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->truncated(), 0u);
  EXPECT_EQ(file->dynamic_string(kDtSoname), "libc.so.6");
  EXPECT_EQ(file->build_id()->bytes().size(), 20u);
  ASSERT_TRUE(file->find_dynamic_symbol("malloc"));
  EXPECT_EQ(file->interpreter(), "/lib64/ld-linux-x86-64.so.2");
  // The dynamic section alone must lead to the same symbols as the section headers.
  Bytes headless = bytes;
  std::fill(headless.begin() + 40, headless.begin() + 48, uint8_t{0});
  const auto bare = File::parse(headless);
  EXPECT_TRUE(bare->sections().empty());
  EXPECT_EQ(names_of(*bare, true), names_of(*file, true));
  EXPECT_EQ(bare->build_id(), file->build_id());
}

TEST(ElfNotes, AreVisitedInOrderUntilToldToStop) {
  Bytes notes = make_note("CORE", 1, to_bytes("abc"));
  const Bytes second = make_note("LINUX", 2, to_bytes("defgh"));
  notes.insert(notes.end(), second.begin(), second.end());
  std::vector<std::string> seen;
  EXPECT_TRUE(for_each_note(notes, 4, [&seen](const Note& note) {
                seen.emplace_back(note.name);
                seen.emplace_back(c_string(note.description));
                return true;
              }).ok());
  EXPECT_EQ(seen, (std::vector<std::string>{"CORE", "abc", "LINUX", "defgh"}));
  int count = 0;
  EXPECT_TRUE(for_each_note(notes, 4, [&count](const Note&) { return ++count > 1; }).ok());
  EXPECT_EQ(count, 1);
}

TEST(ElfNotes, OfEightByteAlignmentAreReadToo) {
  Bytes notes = make_note("GNU", 5, to_bytes("twelve bytes"), 8);
  const Bytes second = make_note("GNU", 3, kId, 8);
  notes.insert(notes.end(), second.begin(), second.end());
  uint32_t last = 0;
  EXPECT_TRUE(for_each_note(notes, 8, [&last](const Note& note) {
                last = note.type;
                return true;
              }).ok());
  EXPECT_EQ(last, 3u);
}

TEST(ElfNotes, ThatEndBadlyGiveWhatWasBefore) {
  Bytes notes = make_note("CORE", 1, to_bytes("abcd"));
  append(notes, uint32_t{5});
  append(notes, uint32_t{0xffffffff});
  append(notes, uint32_t{1});
  int seen = 0;
  const Status status = for_each_note(notes, 4, [&seen](const Note&) { return ++seen > 0; });
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(status.error().code(), ErrorCode::kTruncated);
}

}  // namespace
}  // namespace inquest::elf
