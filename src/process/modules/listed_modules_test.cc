// Modules as a minidump lists them, held against files by a whole or a short identity, and the
// Breakpad symbol files of such modules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "binary/breakpad/identity.h"
#include "platform/os/directories.h"
#include "platform/os/file.h"
#include "process/modules/identity.h"
#include "process/modules/modules.h"
#include "testing/elf_builder.h"

namespace inquest::process {
namespace {

using inquest::testing::ElfBuilder;
using inquest::testing::to_bytes;
using ::testing::HasSubstr;

constexpr uint64_t kLibrary = 0x7f0000000000;
const Bytes kId = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
const Bytes kOtherId = {9, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};

class NoMemory final : public MemoryReader {
 public:
  ByteView view(Address, uint64_t) const override { return {}; }
  Missing why_missing(Address) const override { return Missing::kNotTold; }
};

Bytes library_file(const Bytes& id, uint64_t base = 0) {
  ElfBuilder builder(base == 0 ? 3 : 2);
  if (!id.empty()) builder.add_build_id(id, base);
  builder.add_raw_segment(1, 4, 0, base, 0x800, 0x800);
  builder.add_segment({.flags = 5, .vaddr = base + 0x1000, .contents = Bytes(0x1000, 0xc3)});
  return builder.build();
}

class ListedModules : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = os::TempDirectory::create();
    ASSERT_TRUE(made.ok());
    directory_.emplace(std::move(*made));
    options_.use_debuginfod = false;
    options_.use_system_debug_dir = false;
    image_.memory = std::make_unique<NoMemory>();
    image_.source = path("dumps/crash.dmp");
    image_.producer = Producer::kCrashpad;
    image_.tells_all_mappings = false;
  }

  std::string path(const std::string& name) const { return directory_->file(name); }
  std::string write(const std::string& name, const Bytes& bytes) const {
    const std::string full = path(name);
    EXPECT_TRUE(os::make_directories(std::filesystem::path(full).parent_path()).ok());
    EXPECT_TRUE(os::write_file_atomic(full, bytes).ok());
    return full;
  }
  void list(uint64_t start, uint64_t size, const std::string& file, const Bytes& identity) {
    const AddressRange range{Address(start), Address(start + size)};
    image_.modules.push_back({file, range, BuildId(identity)});
    Mapping mapping;
    mapping.range = range;
    mapping.path = file;
    image_.mappings.push_back(mapping);
  }
  static std::string notes_of(const Module& module) {
    std::string text;
    for (const Note& note : module.notes()) text += note.text + "\n";
    return text;
  }

  std::optional<os::TempDirectory> directory_;
  ProcessImage image_;
  ModuleOptions options_;
};

TEST_F(ListedModules, AreTakenAsTheyAreListed) {
  const std::string file = write("lib/libx.so", library_file(kId));
  list(kLibrary, 0x2000, file, kId);
  image_.executable = file;
  const ModuleSet set = ModuleSet::resolve(image_, options_);
  ASSERT_EQ(set.all().size(), 1u);
  const Module& module = *set.all()[0];
  EXPECT_EQ(module.bias, kLibrary);
  EXPECT_TRUE(module.is_main);
  EXPECT_EQ(module.build_id, BuildId(kId));
  EXPECT_EQ(module.status(), FileStatus::kVerified);
  EXPECT_EQ(set.find(Address(kLibrary + 0x1fff)), &module);
  // What the dump leaves out is read from the verified file.
  EXPECT_EQ(set.memory().load<uint8_t>(Address(kLibrary + 0x1000)), 0xc3);
}

TEST_F(ListedModules, SixteenBytesAreEnoughToVerifyAFileAndToRefuseOne) {
  const Bytes half(kId.begin(), kId.begin() + 16), other(kOtherId.begin(), kOtherId.begin() + 16);
  list(kLibrary, 0x2000, write("lib/libx.so", library_file(kId)), half);
  list(kLibrary + 0x10000, 0x2000, write("lib/liby.so", library_file(kId)), other);
  const ModuleSet set = ModuleSet::resolve(image_, options_);
  EXPECT_EQ(set.all()[0]->status(), FileStatus::kVerified);
  EXPECT_EQ(set.all()[1]->status(), FileStatus::kMismatch);
  EXPECT_THAT(notes_of(*set.all()[1]), HasSubstr("the minidump's 090203"));
}

TEST_F(ListedModules, AProgramBelowFourGigabytesWasLinkedForWhereItLies) {
  list(0x400000, 0x2000, write("bin/prog", library_file(kId, 0x400000)), kId);
  const ModuleSet set = ModuleSet::resolve(image_, options_);
  EXPECT_EQ(set.all()[0]->bias, 0u);
  EXPECT_EQ(set.memory().load<uint8_t>(Address(0x401000)), 0xc3);
}

TEST_F(ListedModules, FilesMappedAsDataAreLeftOut) {
  list(kLibrary, 0x2000, "/usr/share/fonts/a.ttf", kId);
  image_.tells_all_mappings = true;
  image_.mappings[0].protection = Protection{true, false, false};
  const ModuleSet set = ModuleSet::resolve(image_, options_);
  EXPECT_TRUE(set.all().empty());
}

TEST_F(ListedModules, TheVdsoIsNoFileThatCouldBeMissing) {
  list(kLibrary, 0x2000, "linux-vdso.so.1", kId);
  const ModuleSet set = ModuleSet::resolve(image_, options_);
  ASSERT_EQ(set.all().size(), 1u);
  EXPECT_TRUE(set.all()[0]->is_vdso);
  EXPECT_EQ(set.all()[0]->status(), FileStatus::kInMemoryOnly);
  EXPECT_EQ(notes_of(*set.all()[0]), "");
}

TEST_F(ListedModules, ABuildIdDirectoryIsSearchedByTheStartOfTheId) {
  const Bytes half(kId.begin(), kId.begin() + 16);
  write("debug/.build-id/01/02030405060708090a0b0c0d0e0f1011121314", library_file(kId));
  options_.debug_dirs = {path("debug")};
  list(kLibrary, 0x2000, "/gone/libx.so", half);
  const ModuleSet set = ModuleSet::resolve(image_, options_);
  EXPECT_EQ(set.all()[0]->status(), FileStatus::kVerified);
}

TEST_F(ListedModules, WithoutABuildIdTheCodeIsSummedUp) {
  ElfBuilder builder;
  builder.add_raw_segment(1, 4, 0, 0, 0x800, 0x800);
  Bytes code(48, 0);
  for (size_t i = 0; i < code.size(); ++i) code[i] = static_cast<uint8_t>(i);
  builder.add_section({.name = ".text", .address = 0x1000, .contents = code});
  const Bytes file = builder.build();
  Bytes sum(16, 0);
  for (size_t i = 0; i < code.size(); ++i) sum[i % 16] ^= code[i];
  const auto parsed = elf::File::parse(file);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(identity_by_code(*parsed), BuildId(sum));
  EXPECT_TRUE(is_same_build(BuildId(sum), *parsed));
  sum[0] ^= 1;
  EXPECT_FALSE(is_same_build(BuildId(sum), *parsed));
}

TEST_F(ListedModules, AShortBuildIdIsPaddedWithZeros) {
  Bytes padded = {1, 2, 3, 4, 5, 6, 7, 8};
  const BuildId found(padded);
  padded.resize(16);
  EXPECT_TRUE(is_same_build(BuildId(padded), found));
  padded[15] = 1;
  EXPECT_FALSE(is_same_build(BuildId(padded), found));
  EXPECT_FALSE(is_same_build(BuildId(), found));
  EXPECT_FALSE(is_same_build(found, std::nullopt));
}

Bytes symbols_of(const Bytes& id, const std::string& more = "") {
  return to_bytes("MODULE Linux x86_64 " + breakpad::debug_id(BuildId(id)) + " libx.so\n" + more +
                  "FUNC 1000 10 0 f()\n");
}

TEST_F(ListedModules, SymbolFilesAreFoundInAStoreByTheirId) {
  list(kLibrary, 0x2000, "/gone/libx.so", kId);
  options_.debug_dirs = {path("store")};
  write("store/libx.so/" + breakpad::debug_id(BuildId(kId)) + "/libx.so.sym", symbols_of(kId));
  const ModuleSet set = ModuleSet::resolve(image_, options_);
  const Module& module = *set.all()[0];
  ASSERT_NE(module.breakpad_symbols(), nullptr);
  EXPECT_EQ(module.breakpad_symbols()->function_at(module.to_breakpad(0x1004))->name, "f()");
}

TEST_F(ListedModules, SymbolsOfAnotherBuildAreRefusedWithBothIds) {
  list(kLibrary, 0x2000, "/gone/libx.so", kId);
  options_.debug_dirs = {path("store")};
  write("store/libx.so.sym", symbols_of(kOtherId));
  write("store/libx.so/" + breakpad::debug_id(BuildId(kOtherId)) + "/libx.so.sym",
        symbols_of(kOtherId));
  const ModuleSet set = ModuleSet::resolve(image_, options_);
  EXPECT_EQ(set.all()[0]->breakpad_symbols(), nullptr);
  const std::string notes = notes_of(*set.all()[0]);
  EXPECT_THAT(notes, HasSubstr("libx.so.sym is not of the libx.so that crashed"));
  EXPECT_THAT(notes, HasSubstr(breakpad::debug_id(BuildId(kOtherId))));
  EXPECT_THAT(notes, HasSubstr("wanted is " + breakpad::debug_id(BuildId(kId))));
  EXPECT_THAT(notes, HasSubstr("holds symbols of other builds only"));
}

TEST_F(ListedModules, TheWholeBuildIdIsComparedWhereBothSidesKnowIt) {
  Bytes twin = kId;
  twin.back() ^= 1;  // the same sixteen bytes
  list(kLibrary, 0x2000, "/gone/libx.so", kId);
  options_.debug_dirs = {path("store")};
  write("store/libx.so.sym", symbols_of(kId, "INFO CODE_ID " + BuildId(twin).hex() + "\n"));
  EXPECT_EQ(ModuleSet::resolve(image_, options_).all()[0]->breakpad_symbols(), nullptr);
  write("store/libx.so.sym", symbols_of(kId, "INFO CODE_ID " + BuildId(kId).hex() + "\n"));
  EXPECT_NE(ModuleSet::resolve(image_, options_).all()[0]->breakpad_symbols(), nullptr);
}

TEST_F(ListedModules, SymbolsOfAnotherProcessorAndOfAnUnknownBuildAreNotUsed) {
  list(kLibrary, 0x2000, "/gone/libx.so", {});
  list(kLibrary + 0x10000, 0x2000, "/gone/liby.so", kId);
  options_.debug_dirs = {path("store")};
  write("store/libx.so.sym", symbols_of(kId));
  write("store/liby.so.sym",
        to_bytes("MODULE Linux arm64 " + breakpad::debug_id(BuildId(kId)) + " liby.so\n"));
  const ModuleSet set = ModuleSet::resolve(image_, options_);
  EXPECT_EQ(set.all()[0]->breakpad_symbols(), nullptr);
  EXPECT_THAT(notes_of(*set.all()[0]), HasSubstr("cannot be verified"));
  EXPECT_EQ(set.all()[1]->breakpad_symbols(), nullptr);
  EXPECT_THAT(notes_of(*set.all()[1]), HasSubstr("another architecture (arm64)"));
}

}  // namespace
}  // namespace inquest::process
