#include "process/modules/modules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "platform/os/directories.h"
#include "platform/os/file.h"
#include "process/modules/paths.h"
#include "testing/elf_builder.h"

namespace inquest::process {
namespace {

using inquest::testing::append;
using inquest::testing::append_text;
using inquest::testing::ElfBuilder;
using inquest::testing::to_bytes;
using ::testing::HasSubstr;

constexpr uint64_t kLibrary = 0x7f0000000000;

const Bytes kId = {0xab, 0xcd, 1, 2, 3, 4, 5, 6};
const Bytes kOtherId = {0x12, 0x34, 9, 9, 9, 9, 9, 9};

// The core's memory of a test: pieces by address, and a reason for what is mapped but not there.
class FakeMemory final : public MemoryReader {
 public:
  ByteView view(Address address, uint64_t max) const override {
    for (const auto& [start, bytes] : pieces) {
      const uint64_t inside = address.value - start;
      if (address.value < start || inside >= bytes.size()) continue;
      return ByteView(bytes).subspan(inside, std::min(max, bytes.size() - inside));
    }
    return {};
  }
  Missing why_missing(Address address) const override {
    if (!view(address, 1).empty()) return Missing::kNone;
    return image->mapping_at(address) != nullptr ? Missing::kNotDumped : Missing::kUnmapped;
  }

  std::vector<std::pair<uint64_t, Bytes>> pieces;
  const ProcessImage* image = nullptr;
};

// A library of four pages: headers and constants, code, relocated data, data. Linked at `base`.
struct Library {
  explicit Library(const Bytes& id, uint64_t base = 0, uint16_t type = 3) {
    ElfBuilder builder(type);
    builder.add_build_id(id, base);
    builder.add_raw_segment(1, 4, 0, base, 0x800, 0x800);
    builder.add_segment({.flags = 5, .vaddr = base + 0x1000, .contents = Bytes(0x1000, 0xc3)});
    builder.add_segment({.flags = 6,
                         .vaddr = base + 0x2000,
                         .contents = Bytes(0x1000, 0xda),
                         .memory_size = 0x2000});
    file = builder.build();
  }
  Bytes first_page() const { return {file.begin(), file.begin() + 0x1000}; }
  Bytes file;
};

class ModulesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = os::TempDirectory::create();
    ASSERT_TRUE(made.ok());
    directory_.emplace(std::move(*made));
    options_.use_debuginfod = false;
    options_.use_system_debug_dir = false;
    auto memory = std::make_unique<FakeMemory>();
    memory->image = &image_;
    memory_ = memory.get();
    image_.memory = std::move(memory);
    image_.source = path("core");
    image_.producer = Producer::kKernel;
  }

  std::string path(const std::string& name) const { return directory_->file(name); }

  std::string write(const std::string& name, const Bytes& bytes) const {
    const std::string full = path(name);
    EXPECT_TRUE(os::make_directories(std::filesystem::path(full).parent_path()).ok());
    EXPECT_TRUE(os::write_file_atomic(full, bytes).ok());
    return full;
  }

  void map(uint64_t start, uint64_t size, const char* protection, const std::string& file,
           uint64_t offset) {
    Mapping mapping;
    mapping.range = {Address(start), Address(start + size)};
    mapping.protection =
        Protection{protection[0] == 'r', protection[1] == 'w', protection[2] == 'x'};
    mapping.path = file;
    mapping.file_offset = offset;
    image_.mappings.push_back(mapping);
  }

  // As the kernel maps and dumps it: the first page and what was written.
  void map_library(const Library& library, uint64_t start, const std::string& file,
                   bool dump_header = true) {
    map(start, 0x1000, "r--", file, 0);
    map(start + 0x1000, 0x1000, "r-x", file, 0x1000);
    map(start + 0x2000, 0x1000, "rw-", file, 0x2000);
    map(start + 0x3000, 0x1000, "rw-", "", 0);
    if (dump_header) memory_->pieces.push_back({start, library.first_page()});
    memory_->pieces.push_back({start + 0x2000, Bytes(0x800, 0xee)});  // only a part of the page
  }

  ModuleSet resolve() const { return ModuleSet::resolve(image_, options_); }

  static std::string notes_of(const Module& module) {
    std::string text;
    for (const Note& note : module.notes()) text += note.text + " | " + note.advice + "\n";
    return text;
  }

  std::optional<os::TempDirectory> directory_;
  ProcessImage image_;
  ModuleOptions options_;
  FakeMemory* memory_ = nullptr;
};

TEST_F(ModulesTest, FindsAModuleByItsHeaderInMemory) {
  const Library library(kId);
  const std::string file = write("libx.so.1.2.3", library.file);
  map_library(library, kLibrary, file);
  const ModuleSet set = resolve();
  ASSERT_EQ(set.all().size(), 1u);
  const Module& module = *set.all()[0];
  EXPECT_EQ(module.range, (AddressRange{Address(kLibrary), Address(kLibrary + 0x4000)}));
  EXPECT_EQ(module.bias, kLibrary);
  EXPECT_EQ(module.build_id, BuildId(kId));
  EXPECT_EQ(module.name, "libx.so.1.2.3");
  EXPECT_EQ(module.status(), FileStatus::kVerified);
  EXPECT_EQ(module.found_path(), file);
  EXPECT_EQ(module.version(), "1.2.3");
  EXPECT_NE(module.binary(), nullptr);
  EXPECT_TRUE(module.notes().empty());
  EXPECT_EQ(set.find(Address(kLibrary + 0x3fff)), &module);
  EXPECT_EQ(set.find(Address(kLibrary + 0x4000)), nullptr);
  EXPECT_EQ(set.find(Address(kLibrary - 1)), nullptr);
}

TEST_F(ModulesTest, ComputesTheBiasOfProgramsLinkedElsewhere) {
  const Library program(kId, 0x400000, 2);
  map_library(program, 0x400000, write("prog", program.file));
  image_.auxv[3] = 0x400040;
  const ModuleSet set = resolve();
  ASSERT_NE(set.main(), nullptr);
  EXPECT_EQ(set.main()->bias, 0u);
  EXPECT_EQ(set.main()->status(), FileStatus::kVerified);
}

TEST_F(ModulesTest, LendsReadOnlyPagesOfAVerifiedFileAndNothingElse) {
  const Library library(kId);
  map_library(library, kLibrary, write("libx.so", library.file));
  const ModuleSet set = resolve();
  const MemoryReader& memory = set.memory();
  EXPECT_EQ(memory.load<uint8_t>(Address(kLibrary + 0x1800)), 0xc3) << "code, from the file";
  EXPECT_EQ(memory.load<uint8_t>(Address(kLibrary + 0x2000)), 0xee) << "data, from the core";
  // Written pages are never replaced by what the file once held, and bss is never called zero.
  for (const uint64_t offset : {0x2800, 0x3000}) {
    EXPECT_FALSE(memory.load<uint8_t>(Address(kLibrary + offset)));
    EXPECT_EQ(memory.why_missing(Address(kLibrary + offset)), Missing::kNotDumped);
  }
  EXPECT_EQ(memory.why_missing(Address(kLibrary + 0x1800)), Missing::kNone);
  EXPECT_EQ(memory.why_missing(Address(kLibrary + 0x9000)), Missing::kUnmapped);
}

TEST_F(ModulesTest, DoesNotUseRelocatedPagesOfTheFile) {
  const Library library(kId);
  map_library(library, kLibrary, write("libx.so", library.file));
  image_.mappings[2].protection->write = false;  // RELRO
  const ModuleSet set = resolve();
  EXPECT_FALSE(set.memory().load<uint8_t>(Address(kLibrary + 0x2900)));
}

TEST_F(ModulesTest, RefusesAnotherBuildByName) {
  map_library(Library(kId), kLibrary, write("libx.so", Library(kOtherId).file));
  const ModuleSet set = resolve();
  const Module& module = *set.all()[0];
  EXPECT_EQ(module.status(), FileStatus::kMismatch);
  EXPECT_EQ(module.binary(), nullptr);
  EXPECT_EQ(module.found_build_id(), BuildId(kOtherId));
  EXPECT_THAT(notes_of(module), HasSubstr("abcd010203040506"));
  EXPECT_THAT(notes_of(module), HasSubstr("1234090909090909"));
  EXPECT_THAT(notes_of(module), HasSubstr("--debug-dir"));
  EXPECT_EQ(set.memory().why_missing(Address(kLibrary + 0x1000)), Missing::kFileMismatch);
  EXPECT_FALSE(set.memory().load<uint8_t>(Address(kLibrary + 0x1000)));
  EXPECT_EQ(set.mismatched().size(), 1u);
}

TEST_F(ModulesTest, SaysWhatIsMissing) {
  map_library(Library(kId), kLibrary, path("gone.so"));
  const ModuleSet set = resolve();
  const Module& module = *set.all()[0];
  EXPECT_EQ(module.status(), FileStatus::kMissing);
  EXPECT_THAT(notes_of(module), HasSubstr("was not found"));
  EXPECT_EQ(set.memory().why_missing(Address(kLibrary + 0x1000)), Missing::kFileMissing);
  EXPECT_EQ(set.memory().why_missing(Address(kLibrary + 0x2900)), Missing::kNotDumped);
}

TEST_F(ModulesTest, FindsTheRightBuildElsewhere) {
  const Library right(kId);
  map_library(right, kLibrary, write("libx.so", Library(kOtherId).file));
  for (const char* place : {"dbg/.build-id/ab/cd010203040506", "dbg/libx.so"}) {
    std::filesystem::remove_all(path("dbg"));
    const std::string file = write(place, right.file);
    options_.debug_dirs = {path("dbg")};
    const ModuleSet set = resolve();
    EXPECT_EQ(set.all()[0]->status(), FileStatus::kVerified) << place;
    EXPECT_EQ(set.all()[0]->found_path(), file);
  }
}

TEST_F(ModulesTest, LooksBelowTheSysroot) {
  const Library library(kId);
  map_library(library, kLibrary, "/usr/lib/libnowhere.so");
  write("root/usr/lib/libnowhere.so", library.file);
  options_.sysroot = path("root");
  EXPECT_EQ(resolve().all()[0]->status(), FileStatus::kVerified);
}

TEST_F(ModulesTest, NeverLeavesTheSysroot) {
  const Library library(kId);
  write("elsewhere/libout.so", library.file);
  map_library(library, kLibrary, "/../elsewhere/libout.so");
  options_.sysroot = path("root");
  ASSERT_TRUE(os::make_directories(path("root")).ok());
  EXPECT_EQ(resolve().all()[0]->status(), FileStatus::kMissing);
}

TEST_F(ModulesTest, TakesTheChosenFileForTheModuleWithItsBuildId) {
  const Library program(kOtherId, 0x400000, 2), library(kId);
  map_library(program, 0x400000, path("prog"));
  map_library(library, kLibrary, path("libx.so"));
  image_.auxv[3] = 0x400040;
  options_.executable = write("given", library.file);
  const ModuleSet set = resolve();
  EXPECT_EQ(set.all()[0]->status(), FileStatus::kMissing);
  EXPECT_EQ(set.all()[1]->status(), FileStatus::kVerified);
  EXPECT_EQ(set.all()[1]->found_path(), options_.executable);
}

TEST_F(ModulesTest, RefusesTheChosenFileWhenItIsAnotherBuild) {
  map_library(Library(kId, 0x400000, 2), 0x400000, path("prog"));
  image_.auxv[3] = 0x400040;
  options_.executable = write("given", Library(kOtherId, 0x400000, 2).file);
  const ModuleSet set = resolve();
  EXPECT_EQ(set.main()->status(), FileStatus::kMismatch);
  EXPECT_THAT(notes_of(*set.main()), HasSubstr("--exe"));
  EXPECT_EQ(set.main()->binary(), nullptr);
}

TEST_F(ModulesTest, UsesAnUnverifiableFileButDoesNotLendItsBytes) {
  const Library library(kId);
  map_library(library, kLibrary, write("libx.so", library.file), false);
  memory_->pieces.clear();
  const ModuleSet set = resolve();
  ASSERT_EQ(set.all().size(), 1u);
  const Module& module = *set.all()[0];
  EXPECT_FALSE(module.build_id);
  EXPECT_EQ(module.status(), FileStatus::kUnverified);
  EXPECT_NE(module.binary(), nullptr);
  EXPECT_FALSE(module.contents_agree());
  EXPECT_EQ(set.memory().why_missing(Address(kLibrary + 0x1000)), Missing::kFileUnverified);
  EXPECT_EQ(set.notes().size(), 1u);
}

TEST_F(ModulesTest, RefusesAnUnverifiableFileThatDiffersFromMemory) {
  const Library library(kId);
  map_library(library, kLibrary, write("libx.so", library.file), false);
  memory_->pieces.push_back({kLibrary + 0x1000, Bytes(0x1000, 0x90)});
  const ModuleSet set = resolve();
  EXPECT_EQ(set.all()[0]->status(), FileStatus::kMismatch);
  EXPECT_THAT(notes_of(*set.all()[0]), HasSubstr("differs from what the core holds"));
}

TEST_F(ModulesTest, DoesNotTrustThePathOfADeletedFile) {
  map_library(Library(kId), kLibrary, write("libx.so", Library(kOtherId).file) + " (deleted)");
  const ModuleSet set = resolve();
  const Module& module = *set.all()[0];
  EXPECT_TRUE(module.was_deleted);
  EXPECT_EQ(module.path, path("libx.so"));
  EXPECT_EQ(module.status(), FileStatus::kMismatch);
}

TEST_F(ModulesTest, FindsLibrariesInsideArchives) {
  const Library library(kId);
  Bytes archive(0x5000, 'z');
  archive.insert(archive.end(), library.file.begin(), library.file.end());
  const std::string file = write("base.apk", archive);
  map(kLibrary, 0x1000, "r--", file, 0x5000);
  map(kLibrary + 0x1000, 0x1000, "r-x", file, 0x6000);
  memory_->pieces.push_back({kLibrary, library.first_page()});
  const ModuleSet set = resolve();
  ASSERT_EQ(set.all().size(), 1u);
  EXPECT_EQ(set.all()[0]->elf_offset, 0x5000u);
  EXPECT_EQ(set.all()[0]->status(), FileStatus::kVerified);
  EXPECT_EQ(set.memory().load<uint8_t>(Address(kLibrary + 0x1000)), 0xc3);
}

TEST_F(ModulesTest, DoesNotTakeMappedDataForModules) {
  const Library library(kId);
  const std::string file = write("libx.so", library.file);
  map(kLibrary, 0x4000, "r--", file, 0);  // a profiler reading it
  memory_->pieces.push_back({kLibrary, library.file});
  map(kLibrary + 0x10000, 0x1000, "r--", write("locale-archive", Bytes(0x1000, 7)), 0);
  const ModuleSet set = resolve();
  EXPECT_TRUE(set.all().empty());
  EXPECT_EQ(set.memory().why_missing(Address(kLibrary + 0x10000)), Missing::kFileUnverified);
}

TEST_F(ModulesTest, ReadsTheVdsoFromMemory) {
  const Library vdso(kId);
  map(kLibrary, 0x4000, "r-x", "[vdso]", 0);
  Bytes memory = vdso.file;
  memory.resize(0x4000);
  memory_->pieces.push_back({kLibrary, memory});
  image_.auxv[33] = kLibrary;
  const ModuleSet set = resolve();
  ASSERT_EQ(set.all().size(), 1u);
  const Module& module = *set.all()[0];
  EXPECT_TRUE(module.is_vdso);
  EXPECT_EQ(module.status(), FileStatus::kInMemoryOnly);
  ASSERT_NE(module.binary(), nullptr);
  EXPECT_EQ(module.binary()->build_id(), BuildId(kId));
}

TEST_F(ModulesTest, FindsAModuleNestedInTheHoleOfAnother) {
  const Library outer(kId);
  map_library(outer, kLibrary, write("libx.so", outer.file));
  image_.mappings[3].path = "[vdso]";
  image_.auxv[33] = kLibrary + 0x3000;
  const ModuleSet set = resolve();
  ASSERT_EQ(set.all().size(), 2u);
  EXPECT_FALSE(set.find(Address(kLibrary + 0x2fff))->is_vdso);
  EXPECT_TRUE(set.find(Address(kLibrary + 0x3000))->is_vdso);
}

TEST_F(ModulesTest, NamesTwoVersionsOfOneLibrary) {
  map_library(Library(kId), kLibrary, "/a/libssl.so.1.1");
  map_library(Library(kOtherId), kLibrary + 0x100000, "/b/libssl.so.3");
  map_library(Library(kOtherId), kLibrary + 0x200000, "/b/libother.so.3");
  const ModuleSet set = resolve();
  const auto duplicates = set.duplicates();
  ASSERT_EQ(duplicates.size(), 1u);
  EXPECT_EQ(duplicates[0].stem, "libssl");
  EXPECT_EQ(duplicates[0].second->path, "/b/libssl.so.3");
}

TEST_F(ModulesTest, FindsDebugFilesByBuildIdAndRefusesOthers) {
  const Library library(kId);
  map_library(library, kLibrary, write("libx.so", library.file));
  ElfBuilder debug;
  debug.add_build_id(kId);
  debug.add_section({.name = ".debug_info", .contents = to_bytes("dwarf")});
  ElfBuilder wrong;
  wrong.add_build_id(kOtherId);
  wrong.add_section({.name = ".debug_info", .contents = to_bytes("dwarf")});
  options_.debug_dirs = {path("dbg")};

  const std::string by_name = write("dbg/libx.so.debug", wrong.build());
  {
    const ModuleSet set = resolve();
    EXPECT_EQ(set.all()[0]->debug(), nullptr);
    EXPECT_THAT(notes_of(*set.all()[0]), HasSubstr("is not the debug file"));
  }
  const std::string by_id = write("dbg/.build-id/ab/cd010203040506.debug", debug.build());
  {
    const ModuleSet set = resolve();
    ASSERT_NE(set.all()[0]->debug(), nullptr);
    EXPECT_EQ(set.all()[0]->debug_path(), by_id);
    EXPECT_TRUE(set.all()[0]->debug()->has_debug_info());
  }
}

TEST_F(ModulesTest, FindsADebugFileWhenTheBinaryIsMissing) {
  map_library(Library(kId), kLibrary, path("gone.so"));
  ElfBuilder debug;
  debug.add_build_id(kId);
  debug.add_symbols({{.name = "f"}});
  write("dbg/.build-id/ab/cd010203040506.debug", debug.build());
  options_.debug_dirs = {path("dbg")};
  const ModuleSet set = resolve();
  EXPECT_EQ(set.all()[0]->binary(), nullptr);
  EXPECT_NE(set.all()[0]->debug(), nullptr);
}

TEST_F(ModulesTest, FollowsDebugLinkByChecksumWhenThereIsNoBuildId) {
  ElfBuilder debug;
  debug.add_section({.name = ".debug_info", .contents = to_bytes("dwarf")});
  const Bytes debug_file = debug.build();
  ElfBuilder builder;
  builder.add_debug_link("x.debug", elf::debug_link_crc(debug_file));
  builder.add_raw_segment(1, 5, 0, 0, 0x1000, 0x1000);
  Bytes file = builder.build();
  file.resize(0x1000);
  map(kLibrary, 0x1000, "r-x", write("libx.so", file), 0);
  memory_->pieces.push_back({kLibrary, file});
  const std::string beside = write(".debug/x.debug", debug_file);
  {
    const ModuleSet set = resolve();
    ASSERT_NE(set.all()[0]->debug(), nullptr);
    EXPECT_EQ(set.all()[0]->debug_path(), beside);
  }
  debug.add_section({.name = ".comment", .contents = to_bytes("rebuilt")});
  write(".debug/x.debug", debug.build());
  EXPECT_EQ(resolve().all()[0]->debug(), nullptr) << "the checksum differs";
}

TEST_F(ModulesTest, FindsTheSharedFileOfDwz) {
  const Library library(kId);
  map_library(library, kLibrary, write("libx.so", library.file));
  Bytes link;
  append_text(link, "../../.dwz/pkg.debug");
  link.insert(link.end(), kOtherId.begin(), kOtherId.end());
  ElfBuilder debug, shared;
  debug.add_build_id(kId);
  debug.add_section({.name = ".debug_info", .contents = to_bytes("dwarf")});
  debug.add_section({.name = ".gnu_debugaltlink", .contents = link});
  shared.add_build_id(kOtherId);
  write("dbg/.build-id/ab/cd010203040506.debug", debug.build());
  options_.debug_dirs = {path("dbg")};
  {
    const ModuleSet set = resolve();
    EXPECT_EQ(set.all()[0]->alt_debug(), nullptr);
    EXPECT_THAT(notes_of(*set.all()[0]), HasSubstr("dwz"));
  }
  write("dbg/.dwz/pkg.debug", shared.build());
  const ModuleSet set = resolve();
  EXPECT_NE(set.all()[0]->alt_debug(), nullptr);
  EXPECT_THAT(set.all()[0]->alt_debug_path(), HasSubstr(".dwz/pkg.debug"));
}

TEST_F(ModulesTest, StayWhereTheyAreWhenTheSetMoves) {
  const Library library(kId);
  map_library(library, kLibrary, write("libx.so", library.file));
  ModuleSet set = resolve();
  const Module* module = set.find(Address(kLibrary));
  const ModuleSet moved = std::move(set);
  EXPECT_EQ(moved.find(Address(kLibrary)), module);
  EXPECT_EQ(moved.memory().load<uint8_t>(Address(kLibrary + 0x1000)), 0xc3);
}

// ld.so's list, in a core that names no files: the program's own headers come from its file.
TEST_F(ModulesTest, FollowsLinkMapWhenTheCoreNamesNoFiles) {
  constexpr uint64_t kProgram = 0x5500000000, kHeap = 0x5600000000;
  image_.producer = Producer::kQemuUser;
  const Library library(kId);
  const std::string library_path = write("libx.so", library.file);
  ElfBuilder builder;
  Bytes dynamic;
  for (const uint64_t value :
       {uint64_t{5}, uint64_t{0x300}, uint64_t{6}, uint64_t{0x200}, uint64_t{10}, uint64_t{9},
        uint64_t{11}, uint64_t{24}, uint64_t{12}, uint64_t{0x700}, uint64_t{21}, uint64_t{0},
        uint64_t{0}, uint64_t{0}}) {
    append(dynamic, value);
  }
  builder.add_raw_segment(1, 5, 0, 0, 0x400, 0x400);
  builder.add_segment({.flags = 6, .vaddr = 0x1000, .contents = dynamic});
  builder.add_raw_segment(2, 6, 0x1000, 0x1000, dynamic.size(), dynamic.size());
  image_.executable = write("prog", builder.build());
  image_.auxv[3] = kProgram + 64;

  map(kProgram, 0x1000, "r-x", "", 0);
  map(kProgram + 0x1000, 0x1000, "rw-", "", 0);
  map(kHeap, 0x1000, "rw-", "", 0);
  map(kLibrary, 0x2000, "r-x", "", 0);
  map(kLibrary + 0x2000, 0x2000, "rw-", "", 0);
  Bytes in_memory = dynamic;
  std::memcpy(in_memory.data() + 5 * 16 + 8, &kHeap, 8);  // DT_DEBUG
  memory_->pieces.push_back({kProgram + 0x1000, in_memory});
  Bytes heap;
  for (const uint64_t value : {uint64_t{1}, kHeap + 0x40, uint64_t{0}, uint64_t{0}, uint64_t{0},
                               uint64_t{0}, uint64_t{0}, uint64_t{0}}) {
    append(heap, value);  // r_debug
  }
  for (const uint64_t value : {kProgram, kHeap + 0xb8, kProgram + 0x1000, kHeap + 0x60}) {
    append(heap, value);  // link_map of the program: no name
  }
  for (const uint64_t value : {kLibrary, kHeap + 0xc0, kLibrary + 0x2000, kHeap + 0x40}) {
    append(heap, value);  // link_map of the library, and back to the first: a circle
  }
  heap.resize(0xc0);
  append_text(heap, library_path);
  memory_->pieces.push_back({kHeap, heap});

  const ModuleSet set = resolve();
  ASSERT_EQ(set.all().size(), 2u);
  EXPECT_EQ(set.main()->bias, kProgram);
  EXPECT_EQ(set.main()->status(), FileStatus::kUnverified);
  EXPECT_TRUE(set.main()->contents_agree()) << "the dynamic section is the same";
  EXPECT_EQ(set.all()[1]->path, library_path);
  EXPECT_EQ(set.all()[1]->bias, kLibrary);
  EXPECT_EQ(set.memory().load<uint8_t>(Address(kProgram + 1)), 'E') << "from the program's file";
}

TEST(ModulePaths, TellFilesFromSharedMemory) {
  EXPECT_TRUE(is_file_path("/usr/lib/libc.so.6"));
  EXPECT_TRUE(is_file_path("relative"));
  for (const char* path :
       {"", "[heap]", "/dev/zero (deleted)", "/SYSV00000000 (deleted)", "/memfd:x"}) {
    EXPECT_FALSE(is_file_path(path)) << path;
  }
}

TEST(ModulePaths, VersionsAreReadFromNames) {
  EXPECT_EQ(version_in_name("libz.so.1.2.13"), "1.2.13");
  EXPECT_EQ(version_in_name("ld-2.31.so"), "2.31");
  EXPECT_EQ(version_in_name("libc.so.6"), "");
  EXPECT_EQ(version_in_name("prog-1.2"), "");
  EXPECT_EQ(version_in_name("libx.so.1..2"), "1..2");
  EXPECT_EQ(library_stem("libssl.so.1.1"), "libssl");
  EXPECT_EQ(library_stem("libc-2.31.so"), "libc");
  EXPECT_EQ(library_stem("_ssl.so"), "");
  EXPECT_EQ(library_stem("libfoo.sockets"), "");
}

TEST(ModulePaths, StayInsideADirectory) {
  EXPECT_TRUE(is_safe("/usr/lib/x..y/..z"));
  EXPECT_FALSE(is_safe("/usr/../etc"));
  EXPECT_FALSE(is_safe(".."));
  EXPECT_FALSE(is_safe(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_safe(""));
  EXPECT_EQ(join("/a/", "/b"), "/a/b");
  EXPECT_EQ(build_id_path(BuildId(kId), ".debug"), "/.build-id/ab/cd010203040506.debug");
}

}  // namespace
}  // namespace inquest::process
