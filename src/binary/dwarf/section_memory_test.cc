#include "binary/dwarf/section_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace inquest::dwarf {
namespace {

constexpr uint64_t kSize = 20'001;  // not a multiple of anything

Bytes section() {
  Bytes bytes(kSize);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7 + i / 251);
  return bytes;
}

TEST(PartSet, AnswersForWhatWasAdded) {
  PartSet parts(kSize);
  EXPECT_TRUE(parts.has(5, 5));
  EXPECT_FALSE(parts.has(0, 1));
  parts.add(100, 5000);
  EXPECT_TRUE(parts.has(100, 5000));
  EXPECT_TRUE(parts.has(64, 5056));  // whole granules
  EXPECT_FALSE(parts.has(63, 200));
  EXPECT_FALSE(parts.has(200, 5057));
  parts.add(kSize - 1, kSize);
  EXPECT_TRUE(parts.has(kSize - 1, kSize));
  EXPECT_FALSE(parts.has(kSize - 1, kSize + 1));
  const auto runs = parts.runs();
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].first, 1u);
  EXPECT_EQ(runs[0].count, 78u);
  EXPECT_EQ(parts.granules(), 79u);
}

TEST(PartSet, RunsAreWhatWasAddedInAnyOrder) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    PartSet parts(kSize);
    std::vector<bool> expected(kSize / PartSet::kGranule + 1);
    for (int i = 0; i < 10; ++i) {
      const uint64_t begin = random() % kSize;
      const uint64_t end = begin + 1 + random() % std::min<uint64_t>(kSize - begin, 6000);
      parts.add(begin, std::min(end, kSize));
      for (uint64_t at = begin / 64; at * 64 < std::min(end, kSize); ++at) expected[at] = true;
    }
    std::vector<bool> found(expected.size());
    uint64_t next = 0;
    for (const auto& run : parts.runs()) {
      ASSERT_TRUE(next == 0 || run.first > next);  // joined where they touch
      next = run.first + run.count;
      for (uint64_t i = 0; i < run.count; ++i) found[run.first + i] = true;
    }
    ASSERT_EQ(found, expected);
  }
}

TEST(Parts, ComeBackAsTheyWere) {
  const Bytes whole = section();
  PartSet parts(kSize);
  parts.add(0, 1);
  parts.add(1000, 2000);
  parts.add(kSize - 10, kSize);
  const Bytes kept = encode_parts(parts, whole);
  Bytes room(kSize);
  const auto decoded = decode_parts(kept, room);
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->includes(parts) && parts.includes(*decoded));
  EXPECT_TRUE(std::equal(room.begin() + 960, room.begin() + 2048, whole.begin() + 960));
  EXPECT_EQ(room.back(), whole.back());
  EXPECT_EQ(room[500], 0);
}

TEST(Parts, OfAnotherSizeOrCutAreRefused) {
  const Bytes whole = section();
  PartSet parts(kSize);
  parts.add(1000, 2000);
  const Bytes kept = encode_parts(parts, whole);
  Bytes room(kSize + 1);
  EXPECT_FALSE(decode_parts(kept, room));
  room.resize(kSize);
  for (size_t size = 0; size < kept.size(); ++size)
    EXPECT_FALSE(decode_parts(ByteView(kept).first(size), room)) << size;
  Bytes longer = kept;
  longer.push_back(0);
  EXPECT_FALSE(decode_parts(longer, room));
  // A place outside, and places that overlap.
  for (const uint32_t first : {313u, 0xffffffffu}) {
    Bytes bad = kept;
    std::copy_n(reinterpret_cast<const uint8_t*>(&first), 4, bad.begin() + 16);
    EXPECT_FALSE(decode_parts(bad, room));
  }
}

TEST(Parts, OverTheLimitAreNotKept) {
  const Bytes whole(kMaxKeptOfSection + 64);
  PartSet parts(whole.size());
  parts.add(0, kMaxKeptOfSection);
  EXPECT_FALSE(encode_parts(parts, whole).empty());
  parts.add(0, whole.size());
  EXPECT_TRUE(encode_parts(parts, whole).empty());
}

}  // namespace
}  // namespace inquest::dwarf
