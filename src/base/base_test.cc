#include <gtest/gtest.h>

#include "base/address.h"
#include "base/build_id.h"
#include "base/cursor.h"
#include "base/result.h"

namespace inquest {
namespace {

TEST(Cursor, ReadsInOrderAndFailsOnceForEver) {
  const Bytes bytes = {1, 2, 0, 'h', 'i', 0, 9};
  Cursor cursor(bytes);
  EXPECT_EQ(cursor.u8(), 1);
  EXPECT_EQ(cursor.u16(), 2);
  EXPECT_EQ(cursor.c_string(), "hi");
  EXPECT_EQ(cursor.u32(), 0u);
  EXPECT_FALSE(cursor.ok());
  EXPECT_EQ(cursor.u8(), 0) << "a read after a failure answers nothing, even where it would fit";
  EXPECT_EQ(cursor.offset(), 6u);
}

TEST(Cursor, Leb128OfTheDwarfStandard) {
  const Bytes unsigned_bytes = {0xe5, 0x8e, 0x26};
  EXPECT_EQ(Cursor(unsigned_bytes).uleb128(), 624485u);
  const Bytes signed_bytes = {0x80, 0x7f};
  EXPECT_EQ(Cursor(signed_bytes).sleb128(), -128);
  const Bytes minus_one = {0x7f};
  EXPECT_EQ(Cursor(minus_one).sleb128(), -1);
}

TEST(Cursor, EndlessLeb128Fails) {
  const Bytes bytes(40, 0x80);
  Cursor cursor(bytes);
  cursor.uleb128();
  EXPECT_FALSE(cursor.ok());
}

TEST(Cursor, UnterminatedTextFails) {
  const Bytes bytes = {'n', 'o'};
  Cursor cursor(bytes);
  EXPECT_EQ(cursor.c_string(), "");
  EXPECT_FALSE(cursor.ok());
}

TEST(Bytes, SliceRefusesOverflowingRanges) {
  const Bytes bytes(8);
  EXPECT_TRUE(slice(bytes, 8, 0));
  EXPECT_FALSE(slice(bytes, 1, ~uint64_t{0}));
  EXPECT_FALSE(slice(bytes, ~uint64_t{0}, 2));
}

TEST(BuildId, HexRoundTrip) {
  const auto id = BuildId::from_hex("00FFa1");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->hex(), "00ffa1");
  EXPECT_FALSE(BuildId::from_hex("0"));
  EXPECT_FALSE(BuildId::from_hex("zz"));
}

Result<int> half(int n) {
  if (n % 2 != 0) return Error(ErrorCode::kInvalidArgument, "odd");
  return n / 2;
}

Result<int> quarter(int n) {
  INQ_TRY(const int h, half(n));
  return half(h);
}

TEST(Result, TryPassesErrorsUp) {
  EXPECT_EQ(quarter(8).value(), 2);
  ASSERT_FALSE(quarter(6).ok());
  EXPECT_EQ(std::move(quarter(6).error()).with_context("quarter").message(), "quarter: odd");
}

}  // namespace
}  // namespace inquest
