#include "diagnosis/text/scanner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <charconv>

namespace inquest::diagnosis {
namespace {

using testing::ElementsAre;

// "BEGIN name" … "END": what a report looks like in these tests.
size_t read_block(TextLines lines, TextReport& report) {
  report.facts.process.command = lines.front().text;
  for (size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].text == "END") return i + 1;
  }
  return lines.size();
}
constexpr std::array<std::string_view, 1> kBegin = {"BEGIN"};
const Format kBlock = {.name = "block", .triggers = kBegin, .read = read_block};
constexpr std::array<const Format*, 1> kFormats = {&kBlock};

std::vector<std::string> found(std::string_view text, const ScanLimits& limits = {}) {
  std::vector<std::string> names;
  for (const TextReport& report : read_reports(text, limits, kFormats).reports) {
    names.push_back(report.facts.process.command + " " + std::to_string(report.first_line) + "-" +
                    std::to_string(report.last_line));
  }
  return names;
}

TEST(Scanner, FindsReportsInOrder) {
  EXPECT_THAT(found("x\nBEGIN a\n1\nEND\ny\nBEGIN b\r\nEND\r\n"),
              ElementsAre("BEGIN a 2-4", "BEGIN b 6-7"));
  EXPECT_THAT(found("BEGIN a\nno end"), ElementsAre("BEGIN a 1-2"));
  EXPECT_THAT(found(""), ElementsAre());
}

TEST(Scanner, SeesReportsThatAreLongerThanItsWindow) {
  std::string text = "BEGIN a\n";
  for (int i = 0; i < 5000; ++i) text += "line\n";
  text += "END\nBEGIN b\nEND";
  EXPECT_THAT(found(text), ElementsAre("BEGIN a 1-5002", "BEGIN b 5003-5004"));
}

TEST(Scanner, TakesColoursOff) {
  EXPECT_THAT(found("\x1b[31mBE\x1b[1mGIN a\x1b[0m\nEND\x1b[K\n"), ElementsAre("BEGIN a 1-2"));
}

TEST(Scanner, PassesOverZerosOfAFileThatWasCutShort) {
  using namespace std::string_view_literals;
  EXPECT_THAT(found("x\n\0\0\0BEGIN a\0\nEND\0\n"sv), ElementsAre("BEGIN a 2-3"));
}

TEST(Scanner, KeepsNoMoreReportsThanAllowed) {
  const Scan scan = read_reports("BEGIN a\nEND\nBEGIN b\nEND\n", {.max_reports = 1}, kFormats);
  EXPECT_EQ(scan.reports.size(), 1u);
  EXPECT_EQ(scan.not_kept, 1u);
}

}  // namespace
}  // namespace inquest::diagnosis
