#include "diagnosis/text/prefix.h"

#include <gtest/gtest.h>

#include "diagnosis/text/json_line.h"
#include "diagnosis/text/log_lines.h"

namespace inquest::diagnosis {
namespace {

std::string body(std::string_view line) { return std::string(line.substr(find_prefix(line).size)); }
std::string writer(std::string_view line) { return std::string(find_prefix(line).writer); }

TEST(Prefix, WhatLoggersAddIsTakenOff) {
  for (const std::string_view prefix : {
           "Nov 21 11:39:01 web1 kernel: [ 1726.464842] ",
           "Nov  1 11:39:01.123456 web1 app[71]: ",
           "2026-11-21T11:39:01+0000 web1 app[71]: ",
           "2026-11-21T11:39:01.123456+00:00 web1 kernel: ",
           "[ 1726.464842] ",
           "[ 1726.464842] web1 kernel: ",
           "[ 1726.464842][ T1234] ",
           "<4>[ 1726.464842] ",
           "[Sat Nov 21 11:39:01 2026] ",
           "kern  :info  : [ 1726.464842] ",
           "kern  :warn  : [Sat Nov 21 11:39:01 2026] ",
           "Sat 2026-11-21 11:39:01 UTC web1 kernel: ",
           "1700000000.123456 web1 kernel: ",
           "<34>1 2026-11-21T11:39:01Z web1 app 71 ID47 [data@1 a=\"b\"] ",
           "<34>1 2026-11-21T11:39:01Z web1 app 71 - - ",
           "2026-11-21T11:39:01.123456789Z stdout F ",
           "2026-11-21T11:39:01.1234567Z ",
           "2026-11-21T11:39:01.123456Z 00O ",
           "[2026-11-21T11:39:01.123Z] ",
           "2026-11-21 11:39:01,123 ",
           "11:39:01  ",
           "web-1  | ",
           "web-1  | 2026-11-21T11:39:01.123456789Z ",
           "[pod/web-5f/app] 2026-11-21T11:39:01.123456789Z ",
           "build\tRun tests\t2026-11-21T11:39:01.1234567Z ",
           "11-21 11:39:01.123  1234  1250 F DEBUG   : ",
           "    MESSAGE=",
       }) {
    EXPECT_EQ(body(std::string(prefix) + "app[71]: segfault at 0"), "app[71]: segfault at 0")
        << prefix;
  }
}

TEST(Prefix, WhatTheProgramSaidStays) {
  for (const std::string_view line : {
           "fatal error: all goroutines are asleep - deadlock!",
           "==71==ERROR: AddressSanitizer: heap-use-after-free",
           "    #0 0x4f2 in f a.cc:3",
           "[  1234]     0  1234   262144   130000  1100000        0             0 node",
           "[1234567890] something",
           "pc : 0000aaaad5d10754",
           "x29: 0000ffffc8d7e5b0 x28: 0000000000000000",
           "Hardware name: linux,dummy-virt (DT)",
           "thread 'main' panicked at src/main.rs:2:5:",
           "",
           "[",
       }) {
    EXPECT_EQ(body(line), line);
  }
  EXPECT_EQ(body("2026-11-21T11:39:01Z fatal error: stack overflow"),
            "fatal error: stack overflow");
}

TEST(Prefix, TheWriterIsToldApart) {
  EXPECT_EQ(writer("Nov 21 11:39:01 web1 app[71]: x"), "web1 app[71]:");
  EXPECT_EQ(writer("web-1  | x"), "web-1");
  EXPECT_EQ(writer("[pod/web-5f/app] x"), "web-5f/app");
  EXPECT_EQ(writer("[ 1.5][ T1234] x"), "T1234");
  EXPECT_EQ(writer("[ 1.5] x"), "");
}

TEST(JsonLine, MessagesAreDecoded) {
  const auto text = [](std::string_view line) {
    const auto message = json_message(line);
    return message ? message->text : std::string("none");
  };
  EXPECT_EQ(text(R"({"log":"a \"b\"\u001b[1m\n","stream":"stderr"})"), "a \"b\"\x1b[1m\n");
  EXPECT_EQ(text(R"({"_PID":"71","MESSAGE":[72,105,10,255]})"), "Hi\n\xff");
  EXPECT_EQ(text(R"({"level":"error","nested":{"msg":"no"},"msg":"yes"})"), "yes");
  EXPECT_EQ(text(R"({"msg":"\ud83d\ude00"})"), "\xf0\x9f\x98\x80");
  EXPECT_EQ(text(R"({"msg":"cut off)"), "cut off");
  EXPECT_EQ(text(R"(	"MESSAGE" : "pretty",)"), "pretty");
  EXPECT_EQ(text(R"({"a":1})"), "none");
  EXPECT_EQ(text("{"), "none");
}

TEST(Stripper, ARecordMayHoldSeveralLines) {
  Stripper stripper;
  std::vector<LogLine> lines;
  stripper.strip({R"({"MESSAGE":"one\n\u001b[31mtwo","_PID":"71"})", 0, 5}, lines);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].line.text, "one");
  EXPECT_EQ(lines[1].line.text, "two");
  EXPECT_EQ(lines[1].line.number, 5u);
  EXPECT_EQ(lines[0].writer, lines[1].writer);
}

}  // namespace
}  // namespace inquest::diagnosis
