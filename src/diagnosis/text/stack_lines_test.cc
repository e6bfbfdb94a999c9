#include "diagnosis/text/stack_lines.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace inquest::diagnosis {
namespace {

struct Row {
  std::string_view text;
  uint64_t pc;
  std::string_view function, file;
  uint32_t line, column;
  std::string_view module;
  uint64_t offset;
};

const Row kRows[] = {
    {"    #0 0x4cf8 in f(int, char) src/a.cc:3:5", 0x4cf8, "f(int, char)", "src/a.cc", 3, 5, "", 0},
    {"#10 0x4 in void g<int>(int) const /a b/c.cc:7", 4, "void g<int>(int) const", "/a b/c.cc", 7,
     0, "", 0},
    {"#1 0x4 in operator new(unsigned long)", 4, "operator new(unsigned long)", "", 0, 0, "", 0},
    {"#1 0x4 in __libc_start_main (/lib/libc.so.6+0x2082f) (BuildId: ab12)", 4, "__libc_start_main",
     "", 0, 0, "/lib/libc.so.6", 0x2082f},
    {"#1 0x4  (/tmp/a.out+0x12)", 4, "", "", 0, 0, "/tmp/a.out", 0x12},
    {"#2 0x4  (<unknown module>)", 4, "", "", 0, 0, "", 0},
    {"#0 Thread1 /tmp/race.c:5:10 (race+0x4dcd9a) (BuildId: 0a)", 0, "Thread1", "/tmp/race.c", 5,
     10, "race", 0x4dcd9a},
    {"#0 <null> <null> (libfoo.so+0x12)", 0, "", "", 0, 0, "libfoo.so", 0x12},
    {"#0 main race.c:9 (exe+0x0001)", 0, "main", "race.c", 9, 0, "exe", 1},
    {"#0 0x7e9aa0a3fc  frame1", 0x7e9aa0a3fc, "frame1", "", 0, 0, "", 0},
    {"#0 0x10c2 in Get+0x15a (C:\\b\\x.dll+0x77)", 0x10c2, "Get", "", 0, 0, "C:\\b\\x.dll", 0x77},
    {"#0 0x10c2 in foo::bar C:\\b\\s w\\x.cc:12", 0x10c2, "foo::bar", "C:\\b\\s w\\x.cc", 12, 0, "",
     0},
    {"#0 0x55f7 base::debug::Collect() [../../base/x.cc:859:39]", 0x55f7, "base::debug::Collect()",
     "../../base/x.cc", 859, 39, "", 0},
    {"#1 0x55f7 <unknown>", 0x55f7, "", "", 0, 0, "", 0},
    {"#0  0x00007f in raise () from /lib/libc.so.6", 0x7f, "raise", "", 0, 0, "/lib/libc.so.6", 0},
    {"#1  0x00007f in crash (p=0x0, n=3) at main.c:12", 0x7f, "crash", "main.c", 12, 0, "", 0},
    {"#2  main () at main.c:20", 0, "main", "main.c", 20, 0, "", 0},
    {"#00 pc 0003a1b0  /system/lib/libc.so (tgkill+12)", 0, "tgkill", "", 0, 0,
     "/system/lib/libc.so", 0x3a1b0},
    {"@     0x7f5a6b  shop::f()", 0x7f5a6b, "shop::f()", "", 0, 0, "", 0},
    {"@     0x7f5a6b        224  shop::f()", 0x7f5a6b, "shop::f()", "", 0, 0, "", 0},
    {"@     0x7f5a6b  (unknown)", 0x7f5a6b, "", "", 0, 0, "", 0},
    {"at 0x109166: main (x.c:5)", 0x109166, "main", "x.c", 5, 0, "", 0},
    {"by 0x4C2A: f(int) (in /usr/lib/libfoo.so)", 0x4c2a, "f(int)", "", 0, 0, "/usr/lib/libfoo.so",
     0},
    {"by 0x4C2A: ???", 0x4c2a, "", "", 0, 0, "", 0},
    {"by 0x10: (below main) (libc-start.c:308)", 0x10, "(below main)", "libc-start.c", 308, 0, "",
     0},
    {"./prog(_Z1fi+0x1a)[0x4006e6]", 0x4006e6, "_Z1fi", "", 0, 0, "./prog", 0},
    {"/lib/libc.so.6(+0x3ebb0) [0x7f00]", 0x7f00, "", "", 0, 0, "/lib/libc.so.6", 0x3ebb0},
    {"/lib64/libc.so.6[0x3a5c]", 0x3a5c, "", "", 0, 0, "/lib64/libc.so.6", 0},
    {"0# shop::f(int) at a.cc:12", 0, "shop::f(int)", "a.cc", 12, 0, "", 0},
    {"1# main in ./a.out", 0, "main", "", 0, 0, "./a.out", 0},
    {"1   0x7f16 WTFReportBacktrace(int)", 0x7f16, "WTFReportBacktrace(int)", "", 0, 0, "", 0},
    {"base::Run() [0x13d6]", 0x13d6, "base::Run()", "", 0, 0, "", 0},
    {"#3 0x1 in foo ??:0", 1, "foo", "", 0, 0, "", 0},
    {"#3 0x1 in (anonymous namespace)::f() x.cc:1", 1, "(anonymous namespace)::f()", "x.cc", 1, 0,
     "", 0},
    {"#3 0x1 in operator/(A, B) x.cc:1", 1, "operator/(A, B)", "x.cc", 1, 0, "", 0},
};

TEST(StackLine, EveryFormIsRead) {
  for (const Row& row : kRows) {
    const auto line = parse_stack_line(row.text);
    ASSERT_TRUE(line) << row.text;
    EXPECT_EQ(line->pc.value_or(Address()).value, row.pc) << row.text;
    EXPECT_EQ(line->function, row.function) << row.text;
    EXPECT_EQ(line->file, row.file) << row.text;
    EXPECT_EQ(line->line, row.line) << row.text;
    EXPECT_EQ(line->column, row.column) << row.text;
    EXPECT_EQ(line->module, row.module) << row.text;
    EXPECT_EQ(line->module_offset.value_or(0), row.offset) << row.text;
  }
}

TEST(StackLine, TalkIsNoFrame) {
  for (const std::string_view text :
       {"", "#", "# heading", "#12 see the bug tracker", "#define X 1", "at 0x", "at the end",
        "@user hello", "1# of the list", "12", "[0x12]", "result [0x12]", "1234 files"}) {
    EXPECT_FALSE(parse_stack_line(text)) << text;
  }
}

size_t read(const std::vector<std::string>& texts, StackFacts& stack) {
  std::vector<TextLine> lines;
  for (const std::string& text : texts) lines.push_back({.text = text, .prefix = {}, .number = 0});
  return read_stack(TextLines(lines), stack);
}

TEST(ReadStack, InlinedFunctionsShareAFrame) {
  const std::vector<std::string> text = {"#0 0x10 in inner() a.cc:1", "#1 0x10 in outer() a.cc:9",
                                         "#2 0x20 in main a.cc:20", "", "#3 0x30 in later a.cc:1"};
  StackFacts stack;
  EXPECT_EQ(read(text, stack), 3u);
  ASSERT_EQ(stack.frames.size(), 2u);
  ASSERT_EQ(stack.frames[0].functions.size(), 2u);
  EXPECT_TRUE(stack.frames[0].functions[0].is_inlined);
  EXPECT_EQ(stack.frames[0].functions[1].short_name, "outer");
}

TEST(ReadStack, RecursionThroughTheSameReturnAddressIsFolded) {
  std::vector<std::string> text = {"#0 0x10 in leaf a.c:1"};
  for (int i = 1; i < 200; ++i) text.push_back("#" + std::to_string(i) + " 0x20 in walk a.c:7");
  text.emplace_back("#200 0x30 in main a.c:9");
  StackFacts stack;
  EXPECT_EQ(read(text, stack), 201u);
  ASSERT_TRUE(stack.cycle);
  EXPECT_EQ(stack.cycle->first, 1u);
  EXPECT_EQ(stack.cycle->count, 199u);
  EXPECT_EQ(stack.cycle->functions, std::vector<std::string>{"walk"});
  ASSERT_EQ(stack.frames.size(), 3u);
  EXPECT_EQ(stack.frames[2].index, 200u);
  EXPECT_EQ(stack.total_frames, 201u);
}

TEST(ReadStack, AForeignLineInBetweenIsPassedOver) {
  const std::vector<std::string> text = {"#0 0x10 in a a.c:1", "worker 7 is going down",
                                         "#1 0x20 in b a.c:2", "#0 0x10 in other a.c:1"};
  StackFacts stack;
  EXPECT_EQ(read(text, stack), 3u);
  EXPECT_EQ(stack.frames.size(), 2u);
}

}  // namespace
}  // namespace inquest::diagnosis
