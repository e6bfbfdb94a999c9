#include "base/utf8.h"

#include <gtest/gtest.h>

namespace inquest {
namespace {

TEST(DecodeUtf8, reads_each_length) {
  EXPECT_EQ(decode_utf8("a").code, U'a');
  EXPECT_EQ(decode_utf8("é!").code, U'é');
  EXPECT_EQ(decode_utf8("→").size, 3u);
  EXPECT_EQ(decode_utf8("😀").code, U'😀');
}

TEST(RepairUtf8, leaves_valid_text_alone) {
  const std::string text("caf\xc3\xa9 \xe2\x86\x92 \xf0\x9f\x98\x80\0x", 16);
  EXPECT_EQ(repair_utf8(text), text);
}

TEST(RepairUtf8, replaces_every_invalid_byte) {
  EXPECT_EQ(repair_utf8("a\xff"
                        "b"),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(repair_utf8("\xc0\x80"), "\xef\xbf\xbd\xef\xbf\xbd") << "overlong NUL";
  EXPECT_EQ(repair_utf8("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") << "surrogate";
  EXPECT_EQ(repair_utf8("\xf4\x90\x80\x80").size(), 12u) << "over U+10FFFF";
  EXPECT_EQ(repair_utf8("\xe2\x86"), "\xef\xbf\xbd\xef\xbf\xbd") << "cut";
}

}  // namespace
}  // namespace inquest
