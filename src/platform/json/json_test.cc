#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "platform/json/value.h"
#include "platform/json/writer.h"

namespace inquest::json {
namespace {

constexpr auto kCompact = JsonWriter::Style::kCompact;

std::string rewrite(std::string_view text) {
  auto value = parse_json(text);
  return value.ok() ? to_json(*value, kCompact) : "error: " + value.error().message();
}

TEST(JsonWriter, pretty_output_is_stable) {
  JsonWriter json;
  json.begin_object().field("signal", 11).field("name", "SIGSEGV").key("frames").begin_array();
  json.value("main").begin_object().end_object();
  json.end_array().key("none").begin_array().end_array().end_object();
  EXPECT_EQ(std::move(json).take(), R"({
  "signal": 11,
  "name": "SIGSEGV",
  "frames": [
    "main",
    {}
  ],
  "none": []
}
)");
}

TEST(JsonWriter, keys_stay_in_the_order_written) {
  JsonWriter json(kCompact);
  json.begin_object().field("z", 1).field("a", true).field("m", std::optional<int>()).end_object();
  EXPECT_EQ(std::move(json).take(), R"({"z":1,"a":true,"m":null})");
}

TEST(JsonWriter, numbers_keep_all_their_digits) {
  JsonWriter json(kCompact);
  json.begin_array();
  json.value(std::numeric_limits<uint64_t>::max()).value(std::numeric_limits<int64_t>::min());
  json.value(0.1).value(std::numeric_limits<double>::quiet_NaN()).value(Address(0x38));
  json.end_array();
  EXPECT_EQ(std::move(json).take(),
            R"([18446744073709551615,-9223372036854775808,0.1,null,"0x38"])");
}

TEST(JsonWriter, text_is_escaped_and_repaired) {
  EXPECT_EQ(json_string("a\"b\\c\n\t\x01"), R"("a\"b\\c\n\t\u0001")");
  EXPECT_EQ(json_string("\xff\xfe"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(json_string("é→😀"), "\"é→😀\"");
  EXPECT_EQ(json_string("\x7f\xc2\x9b"), R"("\u007f\u009b")") << "no terminal control gets through";
  EXPECT_EQ(json_string(std::string_view("a\0b", 3)), R"("a\u0000b")");
}

TEST(JsonWriterDeathTest, misuse_is_our_bug) {
  EXPECT_DEATH(JsonWriter().begin_object().value(1), "");
  EXPECT_DEATH((void)std::move(JsonWriter().begin_array()).take(), "");
}

TEST(ParseJson, what_is_read_is_written_again) {
  const std::string text = R"({"b":[1,-2,18446744073709551615,0.5,"x",null,true],"a":{"b":{}}})";
  EXPECT_EQ(rewrite(text), text);
}

TEST(ParseJson, everything_written_can_be_read) {
  std::string hostile;
  for (int byte = 0; byte < 256; ++byte) hostile += static_cast<char>(byte);
  auto value = parse_json(json_string(hostile));
  ASSERT_TRUE(value.ok()) << value.error().message();
  ASSERT_NE(value->string(), nullptr);
  EXPECT_EQ(value->string()->substr(0, 128), hostile.substr(0, 128));
}

TEST(ParseJson, numbers_are_read_exactly) {
  for (const char* text : {"0.1", "2.5e-05", "1e+300", "-0.30000000000000004", "5e-324", "-0.0"}) {
    EXPECT_EQ(rewrite(text), text);
  }
  const std::string long_number(67, '9');
  EXPECT_EQ(rewrite(rewrite(long_number)), rewrite(long_number));
  EXPECT_EQ(rewrite("1e999"), "null") << "JSON has no infinity";
  EXPECT_EQ(rewrite("1e-999"), "0");
}

TEST(ParseJson, long_and_escaped_strings_and_keys_arrive_whole) {
  const std::string text = R"({"k\u00e9y\n)" + std::string(5000, 'k') + R"(":")" +
                           std::string(9000, 'v') + R"(\ud83d\ude00"})";
  auto value = parse_json(text);
  ASSERT_TRUE(value.ok());
  const auto& [key, member] = value->object()->at(0);
  EXPECT_EQ(key, "kéy\n" + std::string(5000, 'k'));
  EXPECT_EQ(*member.string(), std::string(9000, 'v') + "😀");
}

TEST(ParseJson, errors_say_what_and_where) {
  EXPECT_EQ(parse_json("").error().code(), ErrorCode::kTruncated);
  EXPECT_EQ(parse_json("[1,").error().code(), ErrorCode::kTruncated);
  for (const char* bad : {"[1,]", "{'a':1}", "[1] x", "\"\xff\"", "nul", "01"}) {
    EXPECT_FALSE(parse_json(bad).ok()) << bad;
  }
  EXPECT_NE(parse_json("[1, x]").error().message().find("offset 4"), std::string::npos)
      << parse_json("[1, x]").error().message();
}

TEST(ParseJson, depth_and_size_are_limited) {
  const std::string deep = std::string(1000, '[') + std::string(1000, ']');
  EXPECT_EQ(parse_json(deep).error().code(), ErrorCode::kTooLarge);
  EXPECT_TRUE(parse_json("[[[]]]", {.max_depth = 3}).ok());
  EXPECT_FALSE(parse_json("[[[[]]]]", {.max_depth = 3}).ok());
  EXPECT_EQ(parse_json("[1,2,3]", {.max_size = 6}).error().code(), ErrorCode::kTooLarge);
}

TEST(JsonValueTest, finds_members_along_a_path) {
  auto value = parse_json(R"({"verdict":{"class":"null","score":3,"big":18446744073709551615}})");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(*value->at({"verdict", "class"})->string(), "null");
  EXPECT_EQ(value->at({"verdict", "score"})->integer(), 3);
  EXPECT_EQ(value->at({"verdict", "score"})->natural(), 3u);
  EXPECT_EQ(value->at({"verdict", "big"})->integer(), std::nullopt);
  EXPECT_EQ(value->at({"verdict", "absent", "deeper"}), nullptr);
  EXPECT_EQ(value->at({"verdict", "class", "deeper"}), nullptr);
}

}  // namespace
}  // namespace inquest::json
