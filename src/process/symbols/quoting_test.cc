#include "process/symbols/quoting.h"

#include <gtest/gtest.h>

#include <string_view>

namespace inquest::process {
namespace {

std::string quoted(std::string_view text) {
  return quote({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

TEST(Quoting, KeepsTextAndEscapesTheRest) {
  EXPECT_EQ(quoted("plain"), "\"plain\"");
  EXPECT_EQ(quoted("a\"b\\c\n\t\r"), "\"a\\\"b\\\\c\\n\\t\\r\"");
  EXPECT_EQ(quoted(std::string_view("\x00\x1b\x7f", 3)), "\"\\x00\\x1b\\x7f\"");
}

TEST(Quoting, KeepsWellFormedUtf8Only) {
  EXPECT_EQ(quoted("caf\xc3\xa9"), "\"caf\xc3\xa9\"");
  EXPECT_EQ(quoted("\xf0\x9f\x98\x80"), "\"\xf0\x9f\x98\x80\"");
  EXPECT_EQ(quoted("\xc3"), "\"\\xc3\"");                    // cut
  EXPECT_EQ(quoted("\xc0\xaf"), "\"\\xc0\\xaf\"");           // overlong
  EXPECT_EQ(quoted("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"");  // a surrogate
  EXPECT_EQ(quoted("\xe2\x80\xae"), "\"\\xe2\\x80\\xae\"");  // right-to-left override
}

TEST(Quoting, Characters) {
  EXPECT_EQ(quote_character('a'), "'a'");
  EXPECT_EQ(quote_character('\''), "'\\''");
  EXPECT_EQ(quote_character(0), "'\\0'");
  EXPECT_EQ(quote_character(0x1f600), "U+1F600");
}

}  // namespace
}  // namespace inquest::process
