#include "process/runtime/v8/builtins.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace inquest::process::v8 {
namespace {

// 600 builtins of 40 to 103 bytes.
std::vector<Extent> sample() {
  std::vector<Extent> extents;
  uint32_t offset = 0;
  for (uint32_t i = 0; i < 600; ++i) {
    extents.push_back({offset, 40 + i * 7 % 64});
    offset = (offset + extents.back().size + 31) / 32 * 32;
  }
  return extents;
}

Bytes table_of(const std::vector<Extent>& extents, size_t entry_size) {
  Bytes bytes(24, 0x5a);  // hashes in front
  for (const Extent& extent : extents) {
    const size_t at = bytes.size();
    bytes.resize(at + entry_size);
    std::memcpy(bytes.data() + at, &extent, sizeof extent);
  }
  bytes.resize(bytes.size() + 64, 0x5a);
  return bytes;
}

Bytes code_of(const std::vector<Extent>& extents) {
  Bytes code(extents.back().offset + extents.back().size, 0xcc);
  for (const Extent& extent : extents)
    std::fill_n(code.begin() + extent.offset, extent.size, uint8_t{0x90});
  return code;
}

TEST(BuiltinsTable, IsFoundWhateverElseItsEntriesHold) {
  for (const size_t entry_size : {8, 12, 16, 28, 32}) {
    const auto extents = find_extents(table_of(sample(), entry_size));
    ASSERT_EQ(extents.size(), 600u) << entry_size;
    EXPECT_EQ(extents[599].offset, sample()[599].offset);
  }
}

TEST(BuiltinsTable, ThatContradictsItselfIsNone) {
  auto extents = sample();
  extents[300].size += 64;  // over the next
  EXPECT_TRUE(find_extents(table_of(extents, 12)).empty());
  EXPECT_TRUE(find_extents(Bytes(4096)).empty());
  EXPECT_TRUE(find_extents({}).empty());
}

TEST(BuiltinsCode, IsWhereTheGapsAreFilled) {
  Bytes text(320, 0x90);
  const Bytes code = code_of(sample());
  text.insert(text.end(), code.begin(), code.end());
  EXPECT_EQ(find_code(text, sample()), std::vector<uint64_t>{320});
  text[320 + sample()[5].offset - 1] = 0;
  EXPECT_TRUE(find_code(text, sample()).empty());
  EXPECT_TRUE(find_code({}, sample()).empty());
}

TEST(BuiltinsCode, ThatCouldBeAnywhereIsAllThatItCouldBe) {
  Bytes text(64 * 1024, 0xcc);
  EXPECT_GT(find_code(text, sample()).size(), 1u);  // and find() answers that none was found
}

}  // namespace
}  // namespace inquest::process::v8
