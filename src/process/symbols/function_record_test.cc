#include "process/symbols/function_record.h"

#include <gtest/gtest.h>

namespace inquest::process {
namespace {

FunctionRecord quote_record() {
  FunctionRecord record;
  record.source = NameSource::kDwarf;
  record.ranges = {{0x100, 0x180}, {0x900, 0x910}};
  record.scopes = {
      {.name = "quote",
       .linkage_name = "_ZN4shop5quoteEi",
       .start = 0x100,
       .ranges = record.ranges},
      {.name = "price_of",
       .call_file = "/s/shop.cc",
       .call_line = 20,
       .call_column = 3,
       .parent = 0,
       .start = 0x110,
       .ranges = {{0x110, 0x120}, {0x900, 0x908}}},
      {.name = "level_of",
       .call_file = "/s/price.h",
       .call_line = 9,
       .call_column = 7,
       .parent = 1,
       .start = 0x114,
       .ranges = {{0x114, 0x118}}},
      {.name = "other",
       .call_file = "/s/shop.cc",
       .call_line = 30,
       .parent = 0,
       .start = 0x130,
       .ranges = {{0x130, 0x140}}},
  };
  record.files = {"/s/shop.cc", "/s/level.h"};
  record.lines = {{0x100, 0, 18, 1}, {0x114, 1, 5, 2},
                  {0x118, 0, 21, 4}, {0x180, FunctionRecord::kNoFile, 0, 0},
                  {0x900, 0, 40, 1}, {0x910, FunctionRecord::kNoFile, 0, 0}};
  return record;
}

TEST(FunctionRecord, GivesTheInlineChainInnermostFirst) {
  const auto frames = quote_record().frames_at(0x115);
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0].function, "level_of");
  EXPECT_EQ(frames[0].location->file, "/s/level.h");
  EXPECT_EQ(frames[0].location->line, 5u);
  EXPECT_EQ(frames[1].function, "price_of");
  EXPECT_EQ(frames[1].location->file, "/s/price.h");
  EXPECT_EQ(frames[1].location->line, 9u);
  EXPECT_EQ(frames[1].location->column, 7u);
  EXPECT_EQ(frames[2].function, "shop::quote(int)");
  EXPECT_EQ(frames[2].short_name, "shop::quote");
  EXPECT_EQ(frames[2].location->line, 20u);
  EXPECT_TRUE(frames[1].is_inlined);
  EXPECT_FALSE(frames[2].is_inlined);
  EXPECT_EQ(frames[0].function_start, 0x100u);
}

TEST(FunctionRecord, KeepsColdPartsAndSiblingsApart) {
  const auto cold = quote_record().frames_at(0x904);
  ASSERT_EQ(cold.size(), 2u);
  EXPECT_EQ(cold[0].function, "price_of");
  EXPECT_EQ(cold[0].location->line, 40u);
  const auto other = quote_record().frames_at(0x135);
  ASSERT_EQ(other.size(), 2u);
  EXPECT_EQ(other[0].function, "other");
}

TEST(FunctionRecord, HasNoLineBetweenStretchesOfCode) {
  FunctionRecord record = quote_record();
  EXPECT_FALSE(record.frames_at(0x200).front().location);
  record.lines.clear();
  EXPECT_FALSE(record.frames_at(0x105).front().location);
  EXPECT_EQ(record.frames_at(0x105).front().short_name, "shop::quote");
}

TEST(FunctionRecord, StaysTheSameThroughItsBytes) {
  const FunctionRecord record = quote_record();
  const Bytes bytes = encode(record);
  const auto read = decode_function_record(bytes);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(encode(*read), bytes);
  EXPECT_EQ(read->frames_at(0x115).size(), 3u);
  EXPECT_EQ(read->source, NameSource::kDwarf);
}

TEST(FunctionRecord, RefusesEveryCut) {
  const Bytes bytes = encode(quote_record());
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_function_record(ByteView(bytes).first(size)).ok()) << size;
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(decode_function_record(longer).ok());
}

TEST(FunctionRecord, AnswersUnknownWhenItHoldsNothing) {
  const auto frames = FunctionRecord{}.frames_at(1);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_TRUE(frames[0].function.empty());
  EXPECT_EQ(frames[0].source, NameSource::kNone);
}

}  // namespace
}  // namespace inquest::process
