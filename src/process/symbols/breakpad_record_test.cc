// Names and lines out of a Breakpad symbol file, through the Symbolizer.
#include <gtest/gtest.h>

#include "platform/os/directories.h"
#include "platform/os/file.h"
#include "process/symbols/symbols.h"

namespace inquest::process {
namespace {

constexpr uint64_t kBase = 0x7f0000000000;
constexpr std::string_view kSymbols =
    "MODULE Linux x86_64 030201000504070608090A0B0C0D0E0F0 libshop.so\n"
    "FILE 0 /src/cart.cc\n"
    "FILE 1 /src/price.h\n"
    "INLINE_ORIGIN 0 shop::rate(Order const*)\n"
    "INLINE_ORIGIN 1 shop::inner(Order const*)\n"
    "FUNC 1000 40 0 shop::quote(Order const*, int)\n"
    "INLINE 0 20 0 1 1008 10 1030 8\n"
    "INLINE 1 14 1 0 1008 8\n"
    "1000 8 18 0\n"
    "1008 8 7 1\n"
    "1010 8 12 1\n"
    "1020 10 21 0\n"
    "FUNC 1040 10 0 _ZN4shop4sellEi\n"
    "1040 10 30 0\n"
    "FUNC 2000 100000 0 interpret(char const*) [clone .cold]\n"
    "INLINE 0 99 0 1 2100 4\n"
    "2000 100 40 0\n"
    "2100 10 7 1\n"
    "PUBLIC 200000 0 _init\n";

class NoMemory final : public MemoryReader {
 public:
  ByteView view(Address, uint64_t) const override { return {}; }
  Missing why_missing(Address) const override { return Missing::kNotTold; }
};

class BreakpadRecord : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = os::TempDirectory::create();
    ASSERT_TRUE(made.ok());
    directory_.emplace(std::move(*made));
    write(kSymbols);
    Bytes id;
    for (uint8_t i = 0; i < 16; ++i) id.push_back(i);
    image_.memory = std::make_unique<NoMemory>();
    image_.tells_all_mappings = false;
    image_.producer = Producer::kCrashpad;
    const AddressRange range{Address(kBase), Address(kBase + 0x300000)};
    image_.modules.push_back({"/gone/libshop.so", range, BuildId(id)});
    Mapping mapping;
    mapping.range = range;
    mapping.path = "/gone/libshop.so";
    image_.mappings.push_back(mapping);
  }
  void write(std::string_view text) const {
    const Bytes bytes(text.begin(), text.end());
    ASSERT_TRUE(os::write_file_atomic(directory_->file("libshop.so.sym"), bytes).ok());
  }
  std::vector<SourceFrame> at(uint64_t offset, const std::string& cache = "") {
    ModuleOptions options;
    options.debug_dirs = {directory_->path()};
    options.use_debuginfod = options.use_system_debug_dir = false;
    const ModuleSet modules = ModuleSet::resolve(image_, options);
    Symbolizer symbols(modules, {.cache_dir = cache, .use_cache = !cache.empty()});
    auto functions = symbols.annotate(Address(kBase + offset)).functions;
    symbols.save();
    return functions;
  }

  std::optional<os::TempDirectory> directory_;
  ProcessImage image_;
};

TEST_F(BreakpadRecord, ExpandsInlinedCalls) {
  const auto frames = at(0x1009);
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0].short_name, "shop::rate");
  EXPECT_TRUE(frames[0].is_inlined);
  EXPECT_EQ(frames[0].location->file + ":" + std::to_string(frames[0].location->line),
            "/src/price.h:7");
  EXPECT_EQ(frames[1].short_name, "shop::inner");
  EXPECT_EQ(frames[1].location->line, 14u);
  EXPECT_EQ(frames[1].location->file, "/src/price.h");
  EXPECT_EQ(frames[2].function, "shop::quote(Order const*, int)");
  EXPECT_EQ(frames[2].short_name, "shop::quote");
  EXPECT_EQ(frames[2].location->line, 20u);
  EXPECT_EQ(frames[2].location->file, "/src/cart.cc");
  EXPECT_EQ(frames[2].source, NameSource::kBreakpad);
  EXPECT_EQ(frames[2].function_start, 0x1000u);
}

TEST_F(BreakpadRecord, HasNoLineWhereTheFileHasNone) {
  const auto frames = at(0x1018);  // between 0x1018 and 0x1020
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_FALSE(frames[0].location.has_value());
  EXPECT_EQ(at(0x1033).size(), 2u);
}

TEST_F(BreakpadRecord, DemanglesNamesThatAreNot) {
  const auto frames = at(0x1048);
  EXPECT_EQ(frames[0].function, "shop::sell(int)");
  EXPECT_EQ(frames[0].short_name, "shop::sell");
  EXPECT_EQ(frames[0].linkage_name, "_ZN4shop4sellEi");
}

TEST_F(BreakpadRecord, ALargeFunctionIsReadForOneAddress) {
  const auto inside = at(0x2102);
  ASSERT_EQ(inside.size(), 2u);
  EXPECT_EQ(inside[0].short_name, "shop::inner");
  EXPECT_EQ(inside[1].short_name, "interpret");
  EXPECT_EQ(inside[1].location->line, 99u);
  EXPECT_EQ(at(0x2080)[0].location->line, 40u);
}

TEST_F(BreakpadRecord, AnAbsurdTreeOfCallsCostsLittle) {
  std::string text =
      "MODULE Linux x86_64 030201000504070608090A0B0C0D0E0F0 libshop.so\n"
      "INLINE_ORIGIN 0 f()\nFUNC 1000 1000 0 g()\n";
  for (int i = 0; i < 60'000; ++i) {
    text += "INLINE " + std::to_string(i < 30'000 ? 0 : 1) + " 1 0 0 1000 8 1010 8\n";
  }
  for (int i = 0; i < 5'000; ++i) text += "INLINE " + std::to_string(i + 2) + " 1 0 0 1000 8\n";
  write(text);
  const auto frames = at(0x1004);
  EXPECT_EQ(frames.back().short_name, "g");
  EXPECT_LE(frames.size(), 300u);
}

TEST_F(BreakpadRecord, AForgottenFunctionHasNoName) {
  EXPECT_TRUE(at(0x1800)[0].function.empty());
  EXPECT_EQ(at(0x200010)[0].function, "_init");
}

TEST_F(BreakpadRecord, WhatTheIndexKeptIsAskedForAgainWhenTheFileChanges) {
  const std::string cache = directory_->file("cache");
  EXPECT_EQ(at(0x1048, cache)[0].location->line, 30u);
  std::string changed(kSymbols);
  changed.replace(changed.find("1040 10 30 0"), 12, "1040 10 0031 0");
  write(changed);
  EXPECT_EQ(at(0x1048, cache)[0].location->line, 31u);
  EXPECT_EQ(at(0x1048, cache)[0].location->line, 31u);
}

}  // namespace
}  // namespace inquest::process
