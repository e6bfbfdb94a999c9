extern "C" {
#include "capture/handler/json.h"
}

#include <gtest/gtest.h>

#include <ctime>
#include <string>
#include <string_view>

namespace {

std::string string_of(std::string_view text, size_t room = 4096) {
  std::string bytes(room, '?');
  inq_json json{bytes.data(), room, 0, 0};
  inq_json_string(&json, text.data(), text.size());
  return json.cut != 0 ? "cut" : bytes.substr(0, json.size);
}

TEST(Json, EscapesWhatMustBe) {
  EXPECT_EQ(string_of("a\"b\\c\n\x01\x7f/"), R"("a\"b\\c\u000a\u0001\u007f/")");
  EXPECT_EQ(string_of(std::string_view("a\0b", 3)), R"("a\u0000b")");
  EXPECT_EQ(string_of("ä€😀"), "\"ä€😀\"");
}

TEST(Json, BytesThatAreNoTextAreReplaced) {
  for (const char* bad : {"\xff", "\x80", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xc3", "\xf0\x9f\x98"}) {
    const std::string out = string_of(std::string("<") + bad + ">");
    EXPECT_EQ(out.find_first_of("\x80\xc0\xc3\xe0\xed\xf0\xf4\xff"), std::string::npos) << out;
    EXPECT_EQ(out.substr(0, 8), "\"<\\ufffd") << out;
    EXPECT_EQ(out.substr(out.size() - 2), ">\"") << out;
  }
}

TEST(Json, SaysWhenThereIsNoRoom) {
  EXPECT_EQ(string_of("abc", 5), "\"abc\"");
  EXPECT_EQ(string_of("abc", 4), "cut");
  EXPECT_EQ(string_of("\x01", 5), "cut");
}

TEST(Json, TimesAreThoseOfTheLibrary) {
  for (int64_t seconds :
       {int64_t{0}, int64_t{951782399}, int64_t{951782400}, int64_t{951868800}, int64_t{1795911133},
        int64_t{4107542399}, int64_t{4107542400}, int64_t{253402300799}}) {
    char bytes[64];
    inq_json json{bytes, sizeof bytes, 0, 0};
    inq_json_time(&json, seconds);
    char expected[64];
    const std::time_t time = seconds;
    std::tm parts{};
    gmtime_r(&time, &parts);
    std::strftime(expected, sizeof expected, "\"%Y-%m-%dT%H:%M:%SZ\"", &parts);
    EXPECT_EQ(std::string(bytes, json.size), expected);
  }
}

}  // namespace
