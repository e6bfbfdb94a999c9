// One death that several tellers tell of is one report; two deaths stay two.
#include "diagnosis/text/deaths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "diagnosis/text/report_test_util.h"

namespace inquest::diagnosis {
namespace {

using testing::Contains;
using testing::Field;
using testing::HasSubstr;

constexpr std::string_view kKernelLine =
    "Nov 28 20:00:00 h kernel: web[71]: segfault at 38 ip 000055b1650ed15d sp 00007fff0fc81b30 "
    "error 4 in web[115d,55b1650ed000+1000]\n";

TEST(Writer, IsTakenFromTheLoggersName) {
  EXPECT_EQ(parse_writer("host app[71]:").pid, 71);
  EXPECT_EQ(parse_writer("host app[71]:").program, "app");
  EXPECT_EQ(parse_writer("web-1  |").pid, 0);
  EXPECT_EQ(parse_writer("[71]").pid, 0);
  EXPECT_EQ(parse_writer("").pid, 0);
}

TEST(Deaths, KernelAndSupervisorsTellOfOne) {
  const TextReport report =
      only_report(std::string(kKernelLine) +
                  "Nov 28 20:00:00 h systemd[1]: web.service: Main process exited, code=dumped, "
                  "status=11/SEGV\n"
                  "Nov 28 20:00:01 h systemd[1]: web.service: Failed with result 'core-dump'.\n");
  EXPECT_TRUE(report.kernel);
  EXPECT_THAT(report.facts.other,
              Contains(Field(&Fact::statement, HasSubstr("told by systemd in line 2"))));
}

TEST(Deaths, WordsGetTheAddressFromTheKernelsLine) {
  const TextReport report = only_report(
      "Nov 28 20:00:00 h web[71]: Fatal Python error: Segmentation fault\n"
      "Nov 28 20:00:00 h web[71]: \n"
      "Nov 28 20:00:00 h web[71]: Current thread 0x00007f (most recent call first):\n"
      "Nov 28 20:00:00 h web[71]:   File \"/srv/app.py\", line 7 in price\n" +
      std::string(kKernelLine));
  EXPECT_EQ(report.format, "python-fatal");
  EXPECT_EQ(report.facts.process.pid, 71);
  EXPECT_EQ(report.facts.signal.address, Address(0x38));
  ASSERT_TRUE(report.facts.fault);
  EXPECT_EQ(report.facts.fault->access, AccessKind::kRead);
}

TEST(Deaths, GunicornNamesTheWorkerByPid) {
  const TextReport report =
      only_report(std::string(kKernelLine) +
                  "[2026-11-28 20:00:01 +0000] [7] [ERROR] Worker (pid:71) was sent SIGSEGV!\n");
  EXPECT_TRUE(report.kernel);
}

TEST(Deaths, OtherPidsAndOtherSignalsAreOtherDeaths) {
  EXPECT_EQ(read_reports(std::string(kKernelLine) +
                         "[2026-11-28 20:00:01 +0000] [7] [ERROR] Worker (pid:72) was sent "
                         "SIGSEGV!\n")
                .reports.size(),
            2U);
  EXPECT_EQ(read_reports(std::string(kKernelLine) +
                         "Nov 28 20:00:00 h systemd[1]: db.service: Main process exited, "
                         "code=dumped, status=6/ABRT\n")
                .reports.size(),
            2U);
}

TEST(Deaths, AUnitGoesWithTheDeathOfItsName) {
  const std::string other =
      "Nov 28 20:00:00 h kernel: db[72]: segfault at 40 ip 000055b1650ed15d sp 00007fff0fc81b30 "
      "error 4 in db[115d,55b1650ed000+1000]\n";
  const Scan scan = read_reports(std::string(kKernelLine) + other +
                                 "Nov 28 20:00:00 h systemd[1]: web.service: Main process exited, "
                                 "code=dumped, status=11/SEGV\n");
  ASSERT_EQ(scan.reports.size(), 2U);
  EXPECT_EQ(scan.reports[0].facts.other.size(), 1U);
  EXPECT_EQ(scan.reports[1].facts.other.size(), 0U);
}

TEST(Deaths, AShellRightBehindTellsNothingNew) {
  const TextReport report = only_report(
      "thread 'main' panicked at src/main.rs:3:5:\nno price\n"
      "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n"
      "Aborted (core dumped)\n");
  EXPECT_EQ(report.format, "rust-panic");
}

TEST(Deaths, ACheckersWordOfTheAbortOfARuntime) {
  const TextReport report = only_report(
      "panic: runtime error: index out of range [5] with length 2\n\n"
      "goroutine 1 [running]:\n"
      "main.at(...)\n"
      "\t/srv/main.go:6\n"
      "AddressSanitizer:DEADLYSIGNAL\n"
      "=================================================================\n"
      "==77==ERROR: AddressSanitizer: ABRT on unknown address 0x05390000004d (pc 0x5904 bp 0x1 sp "
      "0x2 T0)\n"
      "    #0 0x5904b0ea0ea1 in runtime.raise.abi0 runtime/sys_linux_amd64.s:154\n"
      "SUMMARY: AddressSanitizer: ABRT (/srv/app+0x2fcea1)\n"
      "==77==ABORTING\n");
  EXPECT_EQ(report.format, "go-crash");
  EXPECT_EQ(report.facts.process.pid, 77);
}

TEST(Deaths, WhatUbsanFoundAndTheFaultInTheSameLine) {
  const TextReport report = only_report(
      "cart.cc:22:87: runtime error: member access within null pointer of type 'Item'\n"
      "    #0 0x55d0 in price_of(Cart&) cart.cc:22:87\n"
      "    #1 0x55d1 in main cart.cc:55:20\n"
      "UndefinedBehaviorSanitizer:DEADLYSIGNAL\n"
      "==9==ERROR: UndefinedBehaviorSanitizer: SEGV on unknown address 0x000000000008 (pc 0x55d0 "
      "bp "
      "0x7ffc sp 0x7ffb T9)\n"
      "==9==The signal is caused by a READ memory access.\n"
      "    #0 0x55d0 in price_of(Cart&) cart.cc:22:87\n"
      "    #1 0x55d1 in main cart.cc:55:20\n"
      "SUMMARY: UndefinedBehaviorSanitizer: SEGV cart.cc:22:87 in price_of(Cart&)\n"
      "==9==ABORTING\n");
  EXPECT_EQ(report.facts.process.pid, 9);
  EXPECT_EQ(report.facts.signal.name, "SIGSEGV");
}

TEST(Deaths, TheSamePidFarAwayIsAnotherProcess) {
  std::string text(kKernelLine);
  for (int i = 0; i < 2100; ++i) text += "nothing\n";
  text += "[2026-11-28 20:00:01 +0000] [7] [ERROR] Worker (pid:71) was sent SIGSEGV!\n";
  EXPECT_EQ(read_reports(text).reports.size(), 2U);
}

}  // namespace
}  // namespace inquest::diagnosis
