// The symbolizer over real programs: the dwarf room's fixtures, mapped as a process would have
// them.
#include "process/symbols/symbols.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "platform/os/directories.h"
#include "platform/os/file.h"
#include "platform/os/mapped_file.h"
#include "process/symbols/symbol_index.h"

namespace inquest::process {
namespace {

using ::testing::EndsWith;

constexpr uint64_t kBias = 0x555555554000;
constexpr char kQuote[] = "_ZN4shop5quoteEPKNS_5OrderEi";

class FileMemory final : public MemoryReader {
 public:
  ByteView view(Address address, uint64_t max) const override {
    const uint64_t inside = address.value - kBias;
    if (address.value < kBias || inside >= bytes.size()) return {};
    return ByteView(bytes).subspan(inside, std::min(max, bytes.size() - inside));
  }
  Missing why_missing(Address address) const override {
    return view(address, 1).empty() ? Missing::kUnmapped : Missing::kNone;
  }
  Bytes bytes;  // the first page: what cores have of a binary
};

class SymbolizerTest : public ::testing::Test {
 protected:
  SymbolizerTest() : directory_(std::move(*os::TempDirectory::create())) {
    options_.use_debuginfod = false;
    options_.use_system_debug_dir = false;
    options_.debug_dirs = {path("debug")};
  }

  std::string path(const std::string& name) const { return directory_.file(name); }
  std::string cache() const { return path("cache"); }

  // Copies a fixture to `program`, whole or stripped, and the whole one to where its debug file
  // would be.
  void install(const std::string& fixture, bool stripped, bool debug_file) {
    const std::string source = std::string(INQUEST_FIXTURES "/") + fixture;
    ASSERT_TRUE(os::is_regular_file(source));
    whole_ = *os::read_file(source, 1 << 24);
    const auto elf = elf::File::parse(whole_);
    build_id_ = elf->build_id().value();
    symbol_ = {};
    elf->for_each_symbol([&](const elf::Symbol& s) {
      if (s.name == kQuote) symbol_ = s;
      return true;
    });
    const std::string command = stripped ? "strip -s -o " + path("program") + " " + source
                                         : "cp " + source + " " + path("program");
    ASSERT_EQ(std::system(command.c_str()), 0);
    if (debug_file) install_debug_file();
  }

  void install_debug_file() {
    const std::string hex = build_id_.hex();
    const std::string directory = path("debug/.build-id/" + hex.substr(0, 2));
    ASSERT_TRUE(os::make_directories(directory).ok());
    ASSERT_TRUE(os::write_file_atomic(directory + "/" + hex.substr(2) + ".debug", whole_).ok());
  }

  // A process that has the program mapped.
  void start() {
    image_ = std::make_unique<ProcessImage>();
    const Bytes file = *os::read_file(path("program"), 1 << 24);
    auto memory = std::make_unique<FileMemory>();
    memory->bytes.assign(file.begin(), file.begin() + 0x1000);
    image_->memory = std::move(memory);
    image_->executable = path("program");
    const auto elf = elf::File::parse(file);
    for (const auto& segment : elf->segments()) {
      if (segment.type != 1) continue;
      const uint64_t low = segment.vaddr & ~uint64_t{0xfff};
      const uint64_t high = (segment.vaddr + segment.memory_size + 0xfff) & ~uint64_t{0xfff};
      Mapping mapping;
      mapping.range = {Address(kBias + low), Address(kBias + high)};
      mapping.protection = Protection{true, (segment.flags & 2) != 0, (segment.flags & 1) != 0};
      mapping.path = path("program");
      mapping.file_offset = segment.offset & ~uint64_t{0xfff};
      image_->mappings.push_back(mapping);
    }
    modules_.emplace(ModuleSet::resolve(*image_, options_));
    ASSERT_EQ(modules_->all().size(), 1u);
    ASSERT_TRUE(modules_->all()[0]->build_id);
  }

  Symbolizer symbolizer() const { return {*modules_, {.cache_dir = cache()}}; }
  Address quote(uint64_t offset = 0) const { return Address(kBias + symbol_.value + offset); }
  // Functions of every byte of quote(), as text.
  std::string all(Symbolizer& symbols) const {
    std::string text;
    for (uint64_t i = 0; i < symbol_.size; ++i) {
      for (const auto& f : symbols.annotate(quote(i)).functions) {
        text += f.function + "|" + f.short_name + "|" + f.linkage_name;
        if (f.location)
          text += "|" + f.location->file + ":" + std::to_string(f.location->line) + ":" +
                  std::to_string(f.location->column);
        text += f.is_inlined ? " < " : "\n";
      }
    }
    return text;
  }

  os::TempDirectory directory_;
  Bytes whole_;
  BuildId build_id_;
  elf::Symbol symbol_;
  ModuleOptions options_;
  std::unique_ptr<ProcessImage> image_;
  std::optional<ModuleSet> modules_;
};

TEST_F(SymbolizerTest, NamesFunctionsWithInlinedOnesAndLines) {
  install("gcc5", false, false);
  start();
  Symbolizer symbols = symbolizer();
  const AnnotatedFrame& frame = symbols.annotate(quote());
  ASSERT_FALSE(frame.functions.empty());
  EXPECT_EQ(frame.module, modules_->main());
  EXPECT_EQ(frame.module_offset, symbol_.value);
  const SourceFrame& physical = frame.functions.back();
  EXPECT_EQ(physical.function, "shop::quote(shop::Order const*, int)");
  EXPECT_EQ(physical.short_name, "shop::quote");
  EXPECT_EQ(physical.linkage_name, kQuote);
  EXPECT_EQ(physical.source, NameSource::kDwarf);
  EXPECT_EQ(physical.function_start, symbol_.value);
  ASSERT_TRUE(physical.location);
  EXPECT_THAT(physical.location->file, EndsWith("fixtures/shop.cc"));
  const std::string text = all(symbols);
  // A static inline function has no linkage name, so no parameters are known.
  EXPECT_NE(text.find("shop::level_of|shop::level_of||"), std::string::npos) << text;
}

TEST_F(SymbolizerTest, AnswersFromTheIndexWhenTheDebugFileIsGone) {
  install("gcc5", true, true);
  start();
  std::string cold;
  {
    Symbolizer symbols = symbolizer();
    cold = all(symbols);
    EXPECT_NE(cold.find("shop::price_of"), std::string::npos);
    symbols.save();
  }
  std::filesystem::remove_all(path("debug"));
  start();
  ASSERT_EQ(modules_->all()[0]->debug(), nullptr);
  Symbolizer symbols = symbolizer();
  EXPECT_EQ(all(symbols), cold);
}

TEST_F(SymbolizerTest, ForgetsThatItKnewNothingWhenADebugFileIsInstalled) {
  install("gcc5", true, false);
  start();
  {
    Symbolizer symbols = symbolizer();
    EXPECT_EQ(symbols.annotate(quote()).functions.back().function, "");
    symbols.save();
  }
  start();
  {
    Symbolizer symbols = symbolizer();  // warm, and still nothing to be had
    EXPECT_EQ(symbols.annotate(quote()).functions.back().function, "");
  }
  install_debug_file();
  start();
  Symbolizer symbols = symbolizer();
  EXPECT_EQ(symbols.annotate(quote()).functions.back().short_name, "shop::quote");
}

TEST_F(SymbolizerTest, PrefetchAnswersAsOneByOne) {
  install("clang5", false, false);
  start();
  Symbolizer one_by_one(*modules_, {});
  Symbolizer batch(*modules_, {});
  std::vector<Address> addresses = {Address(0), Address(kBias + 0x1000)};
  for (uint64_t i = 0; i < symbol_.size; i += 3) addresses.push_back(quote(i));
  batch.prefetch(addresses);
  EXPECT_EQ(all(batch), all(one_by_one));
}

TEST_F(SymbolizerTest, LivesWithADamagedIndex) {
  install("gcc5", false, false);
  start();
  std::string cold;
  {
    Symbolizer symbols = symbolizer();
    cold = all(symbols);
    symbols.save();
  }
  std::string index;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(cache())) {
    if (entry.is_regular_file()) index = entry.path();
  }
  const Bytes good = *os::read_file(index, 1 << 24);
  for (size_t i = 0; i < good.size(); i += 1 + good.size() / 50) {
    Bytes bad = good;
    bad[i] ^= 0xff;
    ASSERT_TRUE(os::write_file_atomic(index, bad).ok());
    Symbolizer symbols = symbolizer();
    EXPECT_EQ(all(symbols), cold) << i;
  }
}

TEST_F(SymbolizerTest, IgnoresAnIndexOfAnotherVersion) {
  install("gcc5", false, false);
  start();
  const auto run = [&] {
    Symbolizer symbols = symbolizer();
    const std::string text = all(symbols);
    symbols.save();
    return text;
  };
  const std::string cold = run();
  const std::string index = index_path(cache(), build_id_);
  const Bytes good = *os::read_file(index, 1 << 24);
  Bytes old = good;
  old[8] = 0;  // the version
  ASSERT_TRUE(os::write_file_atomic(index, old).ok());
  EXPECT_EQ(run(), cold);
  EXPECT_EQ(*os::read_file(index, 1 << 24), good);
}

TEST_F(SymbolizerTest, KeepsBlobsForOthers) {
  install("gcc5", false, false);
  start();
  const Module& module = *modules_->all()[0];
  {
    Symbolizer symbols = symbolizer();
    EXPECT_FALSE(symbols.blob(module, "locals.1"));
    symbols.put_blob(module, "locals.1", Bytes{1, 2, 3});
    EXPECT_EQ(symbols.blob(module, "locals.1"), (Bytes{1, 2, 3}));
    symbols.save();
  }
  Symbolizer symbols = symbolizer();
  EXPECT_EQ(symbols.blob(module, "locals.1"), (Bytes{1, 2, 3}));
  EXPECT_FALSE(symbols.blob(module, "locals.2"));
}

TEST_F(SymbolizerTest, FindsSymbolsByAddressAndName) {
  install("gcc5", false, false);
  start();
  Symbolizer symbols = symbolizer();
  const auto address = symbols.find_symbol(*modules_->main(), "_ZN4shop8registryE");
  ASSERT_TRUE(address);
  const auto near = symbols.symbol_at(*address + 3);
  ASSERT_TRUE(near);
  EXPECT_EQ(near->name, "shop::registry");
  EXPECT_EQ(near->offset, 3u);
  EXPECT_FALSE(symbols.find_symbol(*modules_->main(), "no_such_symbol"));
  EXPECT_FALSE(symbols.symbol_at(Address(0x10)));
}

TEST_F(SymbolizerTest, NamesStubsOfTheLinkageTable) {
  install("gcc5", false, false);
  start();
  Symbolizer symbols = symbolizer();
  const auto elf = elf::File::parse(whole_);
  const auto* plt = elf->find_section(".plt.sec");
  if (plt == nullptr) plt = elf->find_section(".plt");
  ASSERT_NE(plt, nullptr);
  std::string names;
  for (uint64_t at = plt->address; at < plt->address + plt->size; at += 16)
    names += symbols.annotate(Address(kBias + at + 4)).functions.back().function + " ";
  EXPECT_NE(names.find("@plt"), std::string::npos) << names;
}

TEST_F(SymbolizerTest, KnowsNothingOutsideEveryModule) {
  install("gcc5", false, false);
  start();
  Symbolizer symbols = symbolizer();
  const AnnotatedFrame& frame = symbols.annotate(Address(0x1234));
  EXPECT_EQ(frame.module, nullptr);
  ASSERT_EQ(frame.functions.size(), 1u);
  EXPECT_TRUE(frame.functions[0].function.empty());
  EXPECT_EQ(frame.functions[0].source, NameSource::kNone);
}

TEST_F(SymbolizerTest, WritesNothingWithoutACache) {
  install("gcc5", false, false);
  start();
  Symbolizer symbols(*modules_, {.cache_dir = cache(), .use_cache = false});
  symbols.annotate(quote());
  symbols.save();
  EXPECT_FALSE(os::is_directory(cache()));
}

}  // namespace
}  // namespace inquest::process
