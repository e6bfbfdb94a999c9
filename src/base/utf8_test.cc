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

TEST(AppendUtf8, writes_each_length_and_what_is_no_character) {
  std::string text;
  for (const uint32_t code : {0x41u, 0xf6u, 0x5927u, 0x1f642u, 0xd800u, 0x110000u})
    append_utf8(text, code);
  EXPECT_EQ(text, "Aö大🙂\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(Utf8OfUtf16, joins_pairs_and_replaces_halves) {
  EXPECT_EQ(utf8_of_utf16(u"ö🙂"), "ö🙂");
  EXPECT_EQ(utf8_of_utf16(std::u16string{0xd83d, u'x', 0xde42}), "\xef\xbf\xbdx\xef\xbf\xbd");
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
