#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/term/style.h"
#include "platform/term/table.h"
#include "platform/term/text.h"

namespace inquest::term {
namespace {

using testing::ElementsAre;

TEST(Detect, colour_is_for_terminals) {
  EXPECT_TRUE(detect({.is_terminal = true, .term = "xterm"}).color);
  EXPECT_FALSE(detect({.is_terminal = false, .term = "xterm"}).color);
  EXPECT_FALSE(detect({.is_terminal = true, .term = "dumb"}).color);
}

TEST(Detect, no_color_beats_force_beats_the_stream) {
  EXPECT_FALSE(detect({.is_terminal = true, .no_color = "1"}).color);
  EXPECT_TRUE(detect({.is_terminal = true, .no_color = ""}).color) << "empty means unset";
  EXPECT_TRUE(detect({.clicolor_force = "1"}).color);
  EXPECT_FALSE(detect({.clicolor_force = "0"}).color);
  EXPECT_FALSE(detect({.no_color = "1", .clicolor_force = "1"}).color);
}

TEST(Detect, columns_come_from_the_best_source_and_have_a_floor) {
  EXPECT_EQ(detect({.is_terminal = true, .columns = 120}).columns, 120);
  EXPECT_EQ(detect({.is_terminal = true, .columns = 120, .columns_variable = "90"}).columns, 90);
  EXPECT_EQ(detect({.is_terminal = true, .columns = 120, .columns_variable = "wide"}).columns, 120);
  EXPECT_EQ(detect({.is_terminal = true, .columns = 3}).columns, kMinColumns);
  EXPECT_EQ(detect({}).columns, kPipeColumns);
}

TEST(PainterTest, paints_only_when_asked) {
  EXPECT_EQ(Painter(false).red("x"), "x");
  EXPECT_EQ(Painter(true).red("x"), "\x1b[31mx\x1b[0m");
  EXPECT_EQ(Painter(true).bold(""), "");
}

TEST(DisplayWidth, counts_columns) {
  EXPECT_EQ(display_width("abc"), 3);
  EXPECT_EQ(display_width("é→"), 2);
  EXPECT_EQ(display_width("日本"), 4);
  EXPECT_EQ(display_width("e\xcc\x81"), 1) << "combining acute";
  EXPECT_EQ(display_width("\xff\xff"), 2);
  EXPECT_EQ(display_width(Painter(true).bold("abc")), 3);
}

TEST(Printable, hostile_names_cannot_drive_the_terminal) {
  EXPECT_EQ(printable("a\x1b[2Jb"), "a\\x1b[2Jb");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\x9b2J");
  EXPECT_EQ(printable("a\nb\tc\r"), "a\\nb c\\x0d");
  EXPECT_EQ(printable("a\nb", true), "a\nb");
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "gpj.exe"),
            "\\u{202e}gpj.exe");
  EXPECT_EQ(printable("x\xff"), "x\xef\xbf\xbd");
  EXPECT_EQ(printable("naïve →"), "naïve →");
}

TEST(Wrap, breaks_at_spaces_and_indents_what_follows) {
  EXPECT_THAT(wrap("the quick brown fox", 10), ElementsAre("the quick", "brown fox"));
  EXPECT_THAT(wrap("the quick brown fox", 11, 2), ElementsAre("the quick", "  brown fox"));
  EXPECT_THAT(wrap("a extraordinarily b", 6), ElementsAre("a", "extraordinarily", "b"));
  EXPECT_THAT(wrap("one\n\ntwo", 10), ElementsAre("one", "", "two"));
  EXPECT_THAT(wrap("  kept indent", 8), ElementsAre("  kept", "indent"));
  EXPECT_THAT(wrap("", 10), ElementsAre(""));
}

TEST(Truncate, marks_the_cut_and_fits) {
  EXPECT_EQ(truncate("abcdef", 6), "abcdef");
  EXPECT_EQ(truncate("abcdef", 4), "abc…");
  EXPECT_EQ(truncate("日本語", 4), "日…") << "a wide character is never halved";
  EXPECT_EQ(truncate("abc", 0), "");
  EXPECT_EQ(truncate_middle("/usr/lib/x86_64/libc.so", 11), "/usr/…bc.so");
  EXPECT_EQ(truncate_middle("日本語日本語", 7), "日…語");
}

TEST(TableTest, columns_line_up_whatever_is_in_them) {
  Table table({Align::kRight, Align::kLeft, Align::kLeft}, 2);
  table.add_row({"1", "main", "a.cc:3"});
  table.add_row({"10", Painter(true).bold("日本"), "b.cc:4"});
  table.add_row({"2"});
  EXPECT_EQ(table.render(),
            "   1  main  a.cc:3\n"
            "  10  \x1b[1m日本\x1b[0m  b.cc:4\n"
            "   2\n");
}

}  // namespace
}  // namespace inquest::term
