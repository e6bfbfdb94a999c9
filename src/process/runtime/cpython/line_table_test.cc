// Tables as the interpreters themselves made them of the functions quoted below; the lines are
// those of co_lines() and of dis.
#include "process/runtime/cpython/line_table.h"

#include <gtest/gtest.h>

namespace inquest::process::cpython {
namespace {

uint32_t line(LineFormat format, const Bytes& table, uint32_t first, int64_t offset) {
  const auto place = place_of(format, table, first, offset);
  return place ? place->line : 0;
}

// 1  def f(a):
// 2      b = a + 1
// 3      for i in range(3):
// 4          b += (
// 5              i *
// 6              a)
// 7      try:
// 8          return g(b,
// 9                   a)
// 10     except ValueError:
// 11
// 12         b = 2
// 13     return b

TEST(LineNumbers, Of3_6OnlyGoForward) {
  const Bytes table = {0, 1, 8, 1, 14, 1, 2, 1, 2, 1, 12, 1, 2, 1, 4, 1, 6, 1, 14, 2, 10, 1};
  const auto at = [&](int64_t offset) { return line(LineFormat::kLineNumbers, table, 1, offset); };
  EXPECT_EQ(at(-1), 1u);
  EXPECT_EQ(at(0), 2u);
  EXPECT_EQ(at(7), 2u);
  EXPECT_EQ(at(8), 3u);
  EXPECT_EQ(at(26), 6u);
  EXPECT_EQ(at(62), 10u);
  EXPECT_EQ(at(64), 12u);
  EXPECT_EQ(at(76), 13u);
}

TEST(LineNumbers, Of3_9GoBackToo) {
  const Bytes table = {0, 1, 8, 1, 12, 1, 2, 1,   2, 1, 2,  255, 2,  255,
                       6, 3, 2, 1, 4,  1, 2, 255, 6, 2, 12, 2,   10, 1};
  const auto at = [&](int64_t offset) { return line(LineFormat::kLineNumbers, table, 1, offset); };
  EXPECT_EQ(at(24), 6u);
  EXPECT_EQ(at(26), 5u);
  EXPECT_EQ(at(28), 4u);
  EXPECT_EQ(at(40), 9u);
  EXPECT_EQ(at(42), 8u);
  EXPECT_EQ(at(72), 13u);
}

TEST(Ranges, Of3_10EndAndMayHaveNoLine) {
  Bytes table = {8, 1, 12, 1, 2, 1, 2,   1,  2, 1, 2, 255, 6, 255, 2,
                 3, 4, 1,  2, 1, 6, 255, 12, 2, 6, 2, 4,   1, 2,   253};
  const auto at = [&](int64_t offset) { return line(LineFormat::kRanges, table, 1, offset); };
  EXPECT_EQ(at(-2), 1u);
  EXPECT_EQ(at(0), 2u);
  EXPECT_EQ(at(24), 6u);
  EXPECT_EQ(at(26), 5u);
  EXPECT_EQ(at(40), 9u);
  EXPECT_EQ(at(70), 10u);
  EXPECT_EQ(at(72), 0u);
  table[3] = 0x80;  // instructions 8 to 20 have no line, which changes nothing for those behind
  EXPECT_EQ(at(8), 0u);
  EXPECT_EQ(at(20), 3u);
}

TEST(Locations, Of3_12HaveColumns) {
  const Bytes table = {128, 0,   216, 8,   9,   136, 65,  137, 5,   128, 65,  220, 13, 18,  144,
                       49,  139, 88,  242, 0,   3,   5,   15,  136, 1,   216, 8,   9,  216, 12,
                       13,  216, 12,  13,  241, 3,   1,   13,  14,  241, 3,   2,   9,  15,  137,
                       1,   240, 3,   3,   5,   15,  240, 8,   5,   5,   14,  220, 15, 16,  144,
                       17,  216, 17,  18,  243, 3,   1,   16,  20,  240, 0,   1,   9,  20,  248,
                       228, 11,  21,  242, 0,   2,   5,   14,  224, 12,  13,  137, 1,  216, 11,
                       12,  128, 72,  240, 7,   2,   5,   14,  250};
  // co_positions(): {offset, line, column from 0}; line 0: none.
  constexpr int64_t kPositions[][3] = {
      {0, 1, 0},    {2, 2, 8},     {4, 2, 12},   {10, 2, 4},   {12, 3, 13}, {22, 3, 19},
      {24, 3, 13},  {38, 3, 8},    {40, 4, 8},   {42, 5, 12},  {44, 6, 12}, {46, 5, 12},
      {50, 4, 8},   {58, 3, 4},    {60, 7, 4},   {62, 8, 15},  {72, 8, 17}, {74, 9, 17},
      {76, 8, 15},  {84, 8, 8},    {86, 0, 0},   {88, 10, 11}, {98, 10, 4}, {104, 12, 12},
      {106, 12, 8}, {110, 13, 11}, {114, 10, 4}, {116, 0, 0},  {120, 0, 0}, {122, 0, 0}};
  for (const auto& [offset, wanted, column] : kPositions) {
    const auto place = place_of(LineFormat::kLocations, table, 1, offset);
    EXPECT_EQ(place ? place->line : 0, wanted) << offset;
    EXPECT_EQ(place ? place->column : 0, wanted != 0 ? column + 1 : 0) << offset;
  }
  EXPECT_EQ(line(LineFormat::kLocations, table, 77, -2), 77u);  // not begun
}

TEST(Locations, TablesThatEndEarlyHaveNoLine) {
  const Bytes table = {240, 3, 0x7f};
  EXPECT_FALSE(place_of(LineFormat::kLocations, table, 1, 0).has_value());
  EXPECT_FALSE(place_of(LineFormat::kLocations, {}, 1, 0).has_value());
  EXPECT_FALSE(place_of(LineFormat::kRanges, {}, 1, 0).has_value());
}

TEST(Locations, LinesThatCannotBeAreNone) {
  const Bytes table = {0xe8, 0x43};  // code 13: a line before the first
  EXPECT_FALSE(place_of(LineFormat::kLocations, table, 1, 0).has_value());
}

}  // namespace
}  // namespace inquest::process::cpython
