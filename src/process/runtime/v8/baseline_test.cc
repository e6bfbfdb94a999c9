#include "process/runtime/v8/baseline.h"

#include <gtest/gtest.h>

namespace inquest::process::v8 {
namespace {

constexpr size_t kCount = 200;

// Bytecodes of one byte and as many operands as their number says, as V8's table begins.
Bytes table() {
  Bytes bytes(3 * kCount, 1);
  for (size_t row = 0; row < 3; ++row) {
    for (size_t i = 5; i < kCount; ++i)
      bytes[row * kCount + i] = static_cast<uint8_t>(1 + (1 + (i - 5) % 4) * (size_t{1} << row));
  }
  return bytes;
}

TEST(BytecodeSizes, AreFoundAmongOtherConstants) {
  Bytes constants = {1, 1, 1, 1, 1, 2, 3, 4, 5};  // looks alike and leads nowhere
  constants.insert(constants.end(), 777, 9);
  const Bytes sizes = table();
  constants.insert(constants.end(), sizes.begin(), sizes.end());
  const auto found = BytecodeSizes::find(constants);
  ASSERT_TRUE(found);
  const Bytes code = {5, 0, 6, 0, 0, 0, 5, 0, 0, 1, 6, 0, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(found->size_at(code, 0), 2u);
  EXPECT_EQ(found->size_at(code, 2), 3u);
  EXPECT_EQ(found->size_at(code, 5), 1u + 3u);  // with a prefix: operands of two bytes
  EXPECT_EQ(found->size_at(code, 9), 1u + 9u);  // of four
  EXPECT_EQ(found->size_at(code, code.size()), 0u);
}

TEST(BytecodeSizes, AreNotTakenFromWhatOnlyLooksAlike) {
  Bytes sizes = table();
  sizes[2 * kCount + 17] ^= 1;
  EXPECT_FALSE(BytecodeSizes::find(sizes));
  EXPECT_FALSE(BytecodeSizes::find({}));
  EXPECT_FALSE(BytecodeSizes::find(ByteView(sizes).first(kCount)));
}

TEST(Baseline, AReturnAddressBelongsToTheBytecodeThatEndsThere) {
  const auto sizes = BytecodeSizes::find(table());
  ASSERT_TRUE(sizes);
  const Bytes code = {5, 0, 6, 0, 0, 7, 0, 0, 0};  // at 0, 2 and 5
  const Bytes stretches = {10, 20, 30, 40};        // prologue, then one for each
  EXPECT_EQ(bytecode_at(*sizes, stretches, code, 11), 0u);
  EXPECT_EQ(bytecode_at(*sizes, stretches, code, 30), 0u);
  EXPECT_EQ(bytecode_at(*sizes, stretches, code, 31), 2u);
  EXPECT_EQ(bytecode_at(*sizes, stretches, code, 100), 5u);
  EXPECT_FALSE(bytecode_at(*sizes, stretches, code, 101));
  EXPECT_FALSE(bytecode_at(*sizes, {}, code, 1));
}

}  // namespace
}  // namespace inquest::process::v8
