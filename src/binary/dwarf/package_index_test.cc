#include "binary/dwarf/package_index.h"

#include <gtest/gtest.h>

#include "testing/elf_builder.h"

namespace inquest::dwarf {
namespace {

using inquest::testing::append;

// Two rows in four slots; the second one collides with the first and is found by stepping on.
Bytes make_index(uint32_t version) {
  Bytes bytes;
  append(bytes, version);
  for (const uint32_t number : {2u, 2u, 4u}) append(bytes, number);
  const uint64_t signatures[4] = {0, 0x0000000200000001, 0x0000000200000005, 0};
  // 0x…1 & 3 = 1; 0x…5 & 3 = 1 as well, its stride is (2 & 3) | 1 = 3: slot (1 + 3) & 3 = 0.
  append(bytes, signatures[2]);
  append(bytes, signatures[1]);
  append(bytes, uint64_t{0});
  append(bytes, uint64_t{0});
  for (const uint32_t row : {2u, 1u, 0u, 0u}) append(bytes, row);
  for (const uint32_t section : {1u, 3u}) append(bytes, section);
  for (const uint32_t offset : {10u, 20u, 30u, 40u}) append(bytes, offset);
  for (const uint32_t size : {1u, 2u, 3u, 4u}) append(bytes, size);
  return bytes;
}

TEST(PackageIndex, FindsRowsOfBothVersions) {
  for (const uint32_t version : {2u, 5u}) {
    const Bytes bytes = make_index(version);
    const PackageIndex index(bytes);
    EXPECT_EQ(index.version(), version);
    const auto first = index.find(0x0000000200000001);
    ASSERT_EQ(first.size(), 2u);
    EXPECT_EQ(first[0].section, 1u);
    EXPECT_EQ(first[0].offset, 10u);
    EXPECT_EQ(first[1].size, 2u);
    const auto second = index.find(0x0000000200000005);
    ASSERT_EQ(second.size(), 2u);
    EXPECT_EQ(second[0].offset, 30u);
    EXPECT_EQ(second[1].section, 3u);
    EXPECT_EQ(second[1].size, 4u);
  }
}

TEST(PackageIndex, FindsNothingForUnknownIds) {
  const Bytes bytes = make_index(5);
  EXPECT_TRUE(PackageIndex(bytes).find(0x1234).empty());
  EXPECT_TRUE(PackageIndex().find(1).empty());
}

TEST(PackageIndex, FindsNothingInACutOrLyingIndex) {
  Bytes bytes = make_index(5);
  bytes.pop_back();
  EXPECT_TRUE(PackageIndex(bytes).find(0x0000000200000001).empty());
  Bytes odd = make_index(5);
  odd[12] = 3;  // slots: not a power of two
  EXPECT_TRUE(PackageIndex(odd).find(0x0000000200000001).empty());
  Bytes row = make_index(5);
  row[16 + 32 + 4] = 9;  // a row that is not there
  EXPECT_TRUE(PackageIndex(row).find(0x0000000200000001).empty());
}

}  // namespace
}  // namespace inquest::dwarf
