#include "process/runtime/v8/position_table.h"

#include <gtest/gtest.h>

namespace inquest::process::v8 {
namespace {

// (code offset 0, script offset 100), (4, 120), (9, 50), each as V8 writes it: differences in
// zigzag, from -1 and 0 on, positions plus one and shifted over the flag of external ones.
Bytes table_of(std::vector<std::pair<int64_t, int64_t>> entries, int64_t flag = -1) {
  Bytes bytes;
  const auto put = [&](int64_t value) {
    uint64_t zigzag = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
    do {
      bytes.push_back(static_cast<uint8_t>((zigzag & 0x7f) | (zigzag > 0x7f ? 0x80 : 0)));
      zigzag >>= 7;
    } while (zigzag != 0);
  };
  int64_t code = -1, raw = 0;
  bool statement = true;
  for (const auto& [offset, position] : entries) {
    int64_t step = offset - code;
    if (flag >= 0) step = step << 1 | flag;
    put(statement ? step : -step - 1);
    put(position - raw);
    code = offset;
    raw = position;
    statement = !statement;
  }
  return bytes;
}

int64_t script(int64_t offset) { return (offset + 1) << 1; }

uint32_t offset_at(const Bytes& table, uint64_t code, bool flag = false) {
  const auto position = position_at(table, code, flag);
  return position ? position->offset : UINT32_MAX;
}

TEST(PositionTable, TheLastEntryAtOrBeforeTheInstructionCounts) {
  const Bytes table = table_of({{0, script(100)}, {4, script(120)}, {9, script(50)}});
  EXPECT_EQ(offset_at(table, 0), 100u);
  EXPECT_EQ(offset_at(table, 3), 100u);
  EXPECT_EQ(offset_at(table, 4), 120u);
  EXPECT_EQ(offset_at(table, 8), 120u);
  EXPECT_EQ(offset_at(table, 9), 50u);
  EXPECT_EQ(offset_at(table, 10000), 50u);
}

TEST(PositionTable, NothingIsToldBeforeTheFirstEntry) {
  EXPECT_FALSE(position_at(table_of({{5, script(1)}}), 4, false));
  EXPECT_FALSE(position_at({}, 4, false));
}

TEST(PositionTable, NewerOffsetsHaveAFlag) {
  for (const int64_t flag : {0, 1}) {
    const Bytes table = table_of({{0, script(100)}, {4, script(120)}}, flag);
    EXPECT_EQ(offset_at(table, 3, true), 100u) << flag;
    EXPECT_EQ(offset_at(table, 4, true), 120u) << flag;
  }
}

TEST(PositionTable, InlinedCallsAreTold) {
  const Bytes table = table_of({{0, script(7) | (int64_t{3} << 31)}});
  const auto position = position_at(table, 0, false);
  ASSERT_TRUE(position);
  EXPECT_EQ(position->offset, 7u);
  EXPECT_EQ(position->inlined, 2u);
  EXPECT_FALSE(position_at(table_of({{0, script(7)}}), 0, false)->inlined);
}

TEST(PositionTable, ExternalAndUnknownPositionsAreNone) {
  EXPECT_FALSE(SourcePosition::unpack(script(7) | 1));
  EXPECT_FALSE(SourcePosition::unpack(0));
}

TEST(PositionTable, ADamagedTableEndsWhereItIsDamaged) {
  Bytes table = table_of({{0, script(100)}, {4, script(120)}});
  table.pop_back();
  EXPECT_EQ(offset_at(table, 9), 100u);
  EXPECT_FALSE(position_at(Bytes(40, 0xff), 9, false));
}

}  // namespace
}  // namespace inquest::process::v8
