#include "diagnosis/text/utf16.h"

#include <gtest/gtest.h>

namespace inquest::diagnosis {
namespace {

using namespace std::string_view_literals;

TEST(Utf16, BothOrdersBecomeUtf8) {
  EXPECT_EQ(from_utf16("\xff\xfe"
                       "a\0\n\0"sv),
            "a\n");
  EXPECT_EQ(from_utf16("\xfe\xff\0a\x20\xac"sv), "a\xe2\x82\xac");
  EXPECT_EQ(from_utf16("\xff\xfe\x3d\xd8\x00\xde"sv), "\xf0\x9f\x98\x80");
}

TEST(Utf16, HalvesOfCharactersAreReplaced) {
  EXPECT_EQ(from_utf16("\xff\xfe\x3d\xd8"
                       "a\0"sv),
            "\xef\xbf\xbd"
            "a");
  EXPECT_EQ(from_utf16("\xff\xfe\x3d\xd8"sv), "\xef\xbf\xbd");
  EXPECT_EQ(from_utf16("\xff\xfe"
                       "a"sv),
            "");
}

TEST(Utf16, OtherTextsAreLeftAlone) {
  EXPECT_FALSE(from_utf16("plain"));
  EXPECT_FALSE(from_utf16(""));
}

}  // namespace
}  // namespace inquest::diagnosis
