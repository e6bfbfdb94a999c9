#include "binary/dwarf/lazy_section.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <map>

#include "testing/elf_builder.h"

namespace inquest::dwarf {
namespace {

using inquest::testing::append;
using inquest::testing::ElfBuilder;

constexpr uint64_t kCompressed = 0x800;  // SHF_COMPRESSED
constexpr uint32_t kZlib = 1, kZstd = 2;

// Text-like bytes that compress, and differ along the way.
Bytes contents(size_t size) {
  Bytes bytes(size);
  uint32_t state = 1;
  for (size_t i = 0; i < size; ++i) {
    if (i % 7 == 0) state = state * 1103515245 + 12345;
    bytes[i] = static_cast<uint8_t>(i % 64 == 63 ? 0 : 'a' + (state >> 16) % 20);
  }
  return bytes;
}

Bytes pack(const Bytes& plain, uint32_t type, uint64_t claimed) {
  Bytes out;
  append(out, type);
  append(out, uint32_t{0});
  append(out, claimed);
  append(out, uint64_t{1});
  Bytes packed(type == kZlib ? compressBound(plain.size()) : ZSTD_compressBound(plain.size()));
  if (type == kZlib) {
    uLongf size = packed.size();
    compress(packed.data(), &size, plain.data(), plain.size());
    packed.resize(size);
  } else {
    packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 3));
  }
  out.insert(out.end(), packed.begin(), packed.end());
  return out;
}

struct Image {
  explicit Image(Bytes section, uint64_t flags, const char* name = ".debug_str") {
    ElfBuilder builder;
    builder.add_section({.name = name, .flags = flags, .contents = std::move(section)});
    bytes = builder.build();
    file = std::move(*elf::File::parse(bytes));
  }
  Bytes bytes;
  std::optional<elf::File> file;
};

class Packed : public ::testing::TestWithParam<uint32_t> {};

TEST_P(Packed, GivesTheSameBytesInAnyOrderOfAsking) {
  const Bytes plain = contents(3'000'000);
  const Image image(pack(plain, GetParam(), plain.size()), kCompressed);
  LazySection section = LazySection::of(*image.file, ".debug_str");
  ASSERT_EQ(section.size(), plain.size());
  for (const uint64_t at : {100ull, 2'000'000ull, 5ull, 2'999'990ull}) {
    const auto part = section.part(at, 10);
    ASSERT_TRUE(part);
    EXPECT_TRUE(std::equal(part->begin(), part->end(), plain.begin() + static_cast<ptrdiff_t>(at)));
  }
  EXPECT_FALSE(section.part(2'999'991, 10));
  const ByteView whole = section.whole();
  EXPECT_TRUE(std::equal(whole.begin(), whole.end(), plain.begin(), plain.end()));
}

TEST_P(Packed, KeepsEarlierViewsWhenMoreIsInflated) {
  const Bytes plain = contents(3'000'000);
  const Image image(pack(plain, GetParam(), plain.size()), kCompressed);
  LazySection section = LazySection::of(*image.file, ".debug_str");
  const auto text = section.c_string(0);
  ASSERT_TRUE(text);
  section.whole();
  EXPECT_EQ(*text, std::string_view(reinterpret_cast<const char*>(plain.data())));
}

TEST_P(Packed, GivesWhatComesBeforeACut) {
  const Bytes plain = contents(3'000'000);
  Bytes packed = pack(plain, GetParam(), plain.size());
  packed.resize(packed.size() / 2);
  const Image image(packed, kCompressed);
  LazySection section = LazySection::of(*image.file, ".debug_str");
  EXPECT_TRUE(section.part(0, 1000));
  EXPECT_FALSE(section.part(2'900'000, 10));
  EXPECT_LT(section.whole().size(), plain.size());
}

TEST_P(Packed, RefusesASizeThatNoEncoderCouldHaveMade) {
  const Bytes plain = contents(1000);
  const Image image(pack(plain, GetParam(), uint64_t{1} << 40), kCompressed);
  EXPECT_TRUE(LazySection::of(*image.file, ".debug_str").empty());
}

class FakeMemory final : public SectionMemory {
 public:
  std::optional<ByteView> recall(const std::string& key) override {
    const auto found = old.find(key);
    return found != old.end() ? std::optional<ByteView>(found->second) : std::nullopt;
  }
  void keep(const std::string& key, Bytes contents) override { kept[key] = std::move(contents); }
  // What another run would find.
  void next_run() {
    for (auto& [key, value] : kept) old[key] = std::move(value);
    kept.clear();
  }
  std::map<std::string, Bytes> old, kept;
};

// The packed section with its middle overwritten: its size and its ends still name the contents,
// but nothing behind the front can be inflated.
Bytes broken(Bytes packed) {
  uint32_t state = 7;
  for (size_t i = 2000; i < packed.size() - 100; ++i) {
    state = state * 1103515245 + 12345;
    packed[i] = static_cast<uint8_t>(state >> 16);
  }
  return packed;
}

TEST_P(Packed, RecallsWhatAnEarlierRunRead) {
  const Bytes plain = contents(3'000'000);
  const Bytes packed = pack(plain, GetParam(), plain.size());
  FakeMemory memory;
  {
    const Image image(packed, kCompressed);
    LazySection section = LazySection::of(*image.file, ".debug_str", &memory);
    EXPECT_TRUE(section.part(2'000'000, 1000));
    EXPECT_TRUE(section.part(2'999'999, 1));
    EXPECT_TRUE(section.c_string(1'000'001));
    section.keep();
    memory.next_run();
  }
  ASSERT_EQ(memory.old.size(), 1u);
  EXPECT_LT(memory.old.begin()->second.size(), 2000u);
  const Image image(broken(packed), kCompressed);
  LazySection section = LazySection::of(*image.file, ".debug_str", &memory);
  const auto part = section.part(2'000'000, 1000);
  ASSERT_TRUE(part);
  EXPECT_TRUE(std::equal(part->begin(), part->end(), plain.begin() + 2'000'000));
  EXPECT_EQ(section.part(2'999'999, 1)->front(), plain.back());
  EXPECT_EQ(*section.c_string(1'000'001),
            std::string_view(reinterpret_cast<const char*>(plain.data() + 1'000'001)));
  EXPECT_FALSE(section.part(2'500'000, 10));  // was not read: nothing is made up
  section.keep();
  EXPECT_TRUE(memory.kept.empty());  // nothing new
}

TEST_P(Packed, AddsToWhatIsKept) {
  const Bytes plain = contents(3'000'000);
  const Bytes packed = pack(plain, GetParam(), plain.size());
  const Image image(packed, kCompressed);
  FakeMemory memory;
  for (const uint64_t at : {10ull, 1'500'000ull, 10ull}) {
    LazySection section = LazySection::of(*image.file, ".debug_str", &memory);
    section.part(at, 500);
    section.keep();
    memory.next_run();
  }
  const Image cut(broken(packed), kCompressed);
  LazySection section = LazySection::of(*cut.file, ".debug_str", &memory);
  EXPECT_TRUE(section.part(1'500'000, 500));
  EXPECT_TRUE(section.part(10, 500));
}

TEST_P(Packed, InflatesWhenWhatIsKeptIsUnusable) {
  const Bytes plain = contents(300'000);
  const Image image(pack(plain, GetParam(), plain.size()), kCompressed);
  FakeMemory memory;
  const auto ask = [&] {
    LazySection section = LazySection::of(*image.file, ".debug_str", &memory);
    const auto part = section.part(200'000, 3000);
    const bool right = part && std::equal(part->begin(), part->end(), plain.begin() + 200'000) &&
                       section.whole().size() == plain.size() &&
                       std::equal(plain.begin(), plain.end(), section.whole().begin());
    section.keep();
    return right;
  };
  EXPECT_TRUE(ask());
  const auto [key, kept] = *memory.kept.begin();
  for (size_t size = 0; size < 200; ++size) {
    memory.old[key] = Bytes(kept.begin(), kept.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_TRUE(ask()) << size;
  }
  memory.old[key] = Bytes(5000, 0xff);
  EXPECT_TRUE(ask());
  EXPECT_FALSE(memory.kept.empty());  // replaced by what is right
}

INSTANTIATE_TEST_SUITE_P(Codecs, Packed, ::testing::Values(kZlib, kZstd));

TEST(LazySection, ReadsTextsOfAnyLengthAndNoneWithoutAnEnd) {
  Bytes bytes(10'000, 'x');
  bytes.push_back(0);
  bytes.push_back('y');
  LazySection section = LazySection::over(bytes);
  EXPECT_EQ(section.c_string(0)->size(), 10'000u);
  EXPECT_EQ(section.c_string(10'000), "");
  EXPECT_EQ(section.c_string(10'001), std::nullopt);
  EXPECT_EQ(section.c_string(1ull << 60), std::nullopt);
}

TEST(LazySection, IsAbsentWhenThereIsNone) {
  const Image image({1, 2, 3}, 0, ".other");
  EXPECT_TRUE(LazySection::of(*image.file, ".debug_str").empty());
  EXPECT_TRUE(LazySection().whole().empty());
}

}  // namespace
}  // namespace inquest::dwarf
