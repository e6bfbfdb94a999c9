#include <gtest/gtest.h>

#include "diagnosis/text/report_test_util.h"

namespace inquest::diagnosis {
namespace {

constexpr std::string_view kNode =
    "PID 9 received SIGSEGV for address: 0x1\n"
    "SEGV_MAPERR: nothing is mapped at the address\n"
    "thread 9 (main), pc 0x7f1a08eb6, 2026-11-29T07:13:04Z\n"
    "inquest 0.1.0, node 20.20.2, v8 11.3.244.8-node.38, linux x64\n\n"
    "Native stack:\n"
    "/srv/node_modules/x/x.node(rate+0x16)[0x7f1a08eb6]\n"
    "/usr/bin/node(+0x845d95)[0xc45d95]\n\n"
    "JavaScript stack:\n"
    "    at Shop.order (/srv/app.js:79:5)\n"
    "    at async main (/srv/app.js:85:14)\n\n";

constexpr std::string_view kPython =
    "PID 7 received SIGABRT from PID 7\n"
    "thread 8, pc 0x7f1a, 2026-11-29T07:13:04Z\n"
    "inquest 0.1.0, cpython 3.11.2, /usr/bin/python3\n\n"
    "Native stack:\n"
    "/lib/x86_64-linux-gnu/libc.so.6(abort+0x1)[0x7f1a]\n"
    "/srv/fast.so(parse+0x16)[0x7f1b]\n"
    "/usr/bin/python3(_PyEval_EvalFrameDefault+0x96a)[0x5028aa]\n"
    "/usr/bin/python3(_start+0x21)[0x60a7b1]\n\n"
    "Python stack:\n"
    "  File \"/srv/app.py\", line 32, in <module>\n"
    "    main()\n"
    "  File \"/srv/app.py\", line 9, in Shop.pay\n"
    "    fast.parse(order)\n\n"
    "Thread 0x7f9f sleeper (most recent call last):\n"
    "  File \"/srv/app.py\", line 12, in other\n\n"
    "Locals (innermost call first):\n  /srv/app.py:9 in Shop.pay\n    token = <redacted>\n\n";

TEST(InquestLog, NodeNativeFramesThenJavaScript) {
  const TextReport report = only_report(kNode);
  EXPECT_EQ(report.format, "inquest-log");
  const Facts& facts = report.facts;
  EXPECT_EQ(facts.signal.code_name, "SEGV_MAPERR");
  EXPECT_EQ(facts.signal.address->value, 1U);
  EXPECT_EQ(facts.process.pid, 9);
  ASSERT_EQ(facts.crashing.frames.size(), 4U);
  EXPECT_EQ(facts.crashing.frames[0].functions[0].short_name, "rate");
  EXPECT_EQ(facts.crashing.frames[2].functions[0].short_name, "Shop.order");
  EXPECT_EQ(facts.crashing.frames[2].functions[0].line, 79U);
  EXPECT_EQ(facts.crash_frame, 0U);
}

TEST(InquestLog, AnAddOnIsNotTakenForTheProgram) {
  EXPECT_EQ(only_report(kNode).facts.process.executable, "/usr/bin/node");
}

TEST(InquestLog, PythonFramesStandWhereTheInterpreterStood) {
  const TextReport report = only_report(kPython);
  const Facts& facts = report.facts;
  EXPECT_EQ(facts.signal.name, "SIGABRT");
  EXPECT_TRUE(facts.signal.sent_by_self);
  ASSERT_EQ(facts.crashing.frames.size(), 4U);
  EXPECT_EQ(facts.crashing.frames[1].functions[0].short_name, "parse");
  EXPECT_EQ(facts.crashing.frames[2].functions[0].short_name, "Shop.pay");
  EXPECT_EQ(facts.crashing.frames[3].functions[0].line, 32U);
  ASSERT_EQ(facts.others.size(), 1U);
  EXPECT_EQ(facts.others[0].thread_name, "sleeper");
}

TEST(InquestLog, AStackOverflowIsOne) {
  const TextReport report = only_report(
      "PID 9 received SIGSEGV for address: 0x7ffe01c81fd0\n"
      "stack overflow: the thread has used up its stack\n"
      "thread 9 (main), pc 0x7f1a, 2026-11-29T07:13:04Z\ninquest 0.1.0, bun 1.3.14, linux x64\n\n"
      "Native stack:\n/srv/x.node(deep+0x16)[0x7f1a]\n\nJavaScript stack:\n"
      "(no frames: no JavaScript was under way)\n\n");
  EXPECT_TRUE(report.facts.fault->stack_pointer_in_guard);
  EXPECT_EQ(report.facts.process.runtime, "bun");
  EXPECT_EQ(report.facts.crashing.frames.size(), 1U);
}

TEST(InquestLog, WithoutOurLineItIsSomebodyElses) {
  const TextReport report = only_report(
      "PID 9 received SIGSEGV for address: 0x0\n"
      "/srv/x/segfault-handler.node(+0x2cd)[0x7f]\n/srv/shop.node(_Z4ratev+0x3)[0x55]\n");
  EXPECT_EQ(report.format, "segfault-handler");
}

TEST(InquestLog, ATextThatIsCutSaysWhatItCan) {
  for (size_t size = 60; size < kNode.size(); size += 7) {
    for (const TextReport& report : read_reports(kNode.substr(0, size)).reports)
      EXPECT_EQ(report.facts.signal.name, "SIGSEGV") << size;
  }
}

}  // namespace
}  // namespace inquest::diagnosis
