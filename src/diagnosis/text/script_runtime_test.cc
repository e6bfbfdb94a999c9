// Python, JavaScript, Ruby, PHP: texts that real programs printed (CPython 3.8-3.13, Node 12-24,
// Bun 1.2-1.4, Ruby 3.1, PHP 8.2).
#include <gmock/gmock.h>

#include "diagnosis/text/report_test_util.h"

namespace inquest::diagnosis {
namespace {

constexpr std::string_view kFault = R"(Fatal Python error: Segmentation fault

Thread 0x00007fe7fb7746c0 [poll] (most recent call first):
  File "/srv/f.py", line 26 in waiter
  File "/usr/lib/python3.13/threading.py", line 992 in run

Current thread 0x00007fe7fc236c40 (most recent call first):
  Garbage-collecting
  File "/usr/lib/python3.13/ctypes/__init__.py", line 538 in string_at
  File "/srv/f.py", line 7 in price
  File "/srv/f.py", line 29 in <module>

Current thread's C stack trace (most recent call first):
  Binary file "/usr/bin/python3", at _PyEval_EvalFrameDefault+0x1b2c [0x5581]
  Binary file "/lib/libc.so.6", at +0x3c050 [0x7ff7]
  <truncated rest of calls>

Extension modules: numpy.core._multiarray_umath, _cffi_backend (total: 2)
Segmentation fault
)";

TEST(PythonText, Faulthandler) {
  const TextReport report = only_report(kFault);
  const Facts& facts = report.facts;
  EXPECT_EQ(report.format, "python-fatal");
  EXPECT_EQ(report.last_line, 18U);
  EXPECT_EQ(facts.signal.name, "SIGSEGV");
  EXPECT_EQ(user_place(facts), "price /srv/f.py:7");
  EXPECT_EQ(facts.crashing.frames.size(), 3U);
  EXPECT_EQ(facts.crashing.notes, std::vector<std::string>{"it was collecting garbage"});
  ASSERT_EQ(facts.others.size(), 1U);
  EXPECT_EQ(facts.others[0].thread_name, "poll");
  ASSERT_EQ(facts.reported->related.size(), 1U);
  EXPECT_EQ(facts.reported->related[0].frames[0].functions[0].name, "_PyEval_EvalFrameDefault");
}

TEST(PythonText, TracebackWithCause) {
  const TextReport report = only_report(
      "Traceback (most recent call last):\n  File \"/srv/f.py\", line 12, in price\n"
      "    try: {}['missing']\n         ~~^^^^^^^^^^^\nKeyError: 'missing'\n\n"
      "The above exception was the direct cause of the following exception:\n\n"
      "Traceback (most recent call last):\n  File \"/srv/f.py\", line 29, in <module>\n    main()\n"
      "  File \"/srv/venv/lib/python3.11/site-packages/shop/x.py\", line 13, in price\n"
      "RuntimeError: cannot price\n");
  const Facts& facts = report.facts;
  EXPECT_EQ(facts.abort.exception_type, "RuntimeError");
  EXPECT_EQ(facts.abort.exception_what, "cannot price");
  EXPECT_EQ(user_place(facts), "<module> /srv/f.py:29");
  ASSERT_EQ(facts.other.size(), 1U);
  EXPECT_EQ(facts.other[0].statement, "before that: KeyError: 'missing'");
}

TEST(PythonText, ATracebackIsNoProofOfADeath) {
  const TextReport report = only_report(
      "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    x\nValueError\n");
  EXPECT_EQ(report.facts.signal.number, 0);
  EXPECT_EQ(report.facts.reported->error, "traceback");
}

constexpr std::string_view kNodeType = R"(/srv/a.js:2
function price(cart) { return cart.owner.name; }
                                         ^

TypeError: Cannot read properties of undefined (reading 'name')
    at price (/srv/a.js:2:42)
    at async checkout (file:///srv/b.mjs:3:31)
    at Module._compile (node:internal/modules/cjs/loader:1521:14)
    at node:internal/main/run_main_module:28:49

Node.js v20.20.2
)";

TEST(JavaScriptText, UncaughtInNode) {
  const TextReport report = only_report(kNodeType);
  const Facts& facts = report.facts;
  EXPECT_EQ(report.last_line, 11U);
  EXPECT_EQ(facts.abort.exception_type, "TypeError");
  EXPECT_EQ(facts.process.runtime, "node 20.20.2");
  ASSERT_EQ(facts.crashing.frames.size(), 4U);
  EXPECT_EQ(user_place(facts), "price /srv/a.js:2");
  EXPECT_EQ(facts.crashing.frames[1].functions[0].short_name, "checkout");
  EXPECT_EQ(facts.crashing.frames[1].functions[0].file, "/srv/b.mjs");
}

TEST(JavaScriptText, ThrownString) {
  const TextReport report = only_report(
      "\n/srv/a.js:6\nif (x) throw 'just a string';\n       ^\njust a string\n"
      "(Use `node --trace-uncaught ...` to show where the exception was thrown)\n\n"
      "Node.js v24.21.0\n");
  EXPECT_EQ(report.facts.abort.exception_what, "just a string");
  EXPECT_EQ(user_place(report.facts), " /srv/a.js:6");
}

TEST(JavaScriptText, UncaughtInBun) {
  const TextReport report = only_report(
      "1 | const k = process.argv[2];\n3 | function price(c: any) { return c.owner.name; }\n"
      "                                      ^\n"
      "TypeError: undefined is not an object (evaluating 'c.owner.name')\n"
      "      at price (/srv/b.ts:3:35)\n      at /srv/b.ts:4:19\n\nBun v1.3.10 (Linux x64)\n");
  EXPECT_EQ(user_place(report.facts), "price /srv/b.ts:3");
  EXPECT_EQ(report.facts.process.runtime, "bun 1.3.10");
}

TEST(NodeText, OutOfHeap) {
  const TextReport report = only_report(
      "\n<--- Last few GCs --->\n\n"
      "[13133:0x29abf890]      256 ms: Mark-sweep 17.9 (50.5) -> 17.3 (50.5) MB, 27.8 / 0.0 ms\n"
      "\n\n<--- JS stacktrace --->\n\n"
      "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n"
      " 1: 0xb090e0 node::Abort() [/usr/bin/node]\n 2: 0xa1b70e  [/usr/bin/node]\n"
      " 3: 0xce1a20 v8::Utils::ReportOOMFailure(v8::internal::Isolate*, char const*, bool) "
      "[/usr/bin/node]\n");
  const Facts& facts = report.facts;
  EXPECT_EQ(report.format, "node-fatal");
  EXPECT_EQ(facts.process.pid, 13133);
  EXPECT_EQ(facts.abort.kind, AbortFacts::Kind::kOutOfMemory);
  EXPECT_EQ(facts.signal.name, "SIGABRT");
  ASSERT_EQ(facts.crashing.frames.size(), 3U);
  EXPECT_EQ(facts.crashing.frames[0].module, "/usr/bin/node");
}

TEST(NodeText, AbortWithBothStacks) {
  const TextReport report = only_report(
      "----- Native stack trace -----\n\n 1: 0x931db0  [/usr/bin/node]\n\n"
      "----- JavaScript stack trace -----\n\n1: /srv/a.js:11:28\n"
      "2: wrapModuleLoad (node:internal/modules/cjs/loader:261:19)\n\n\n");
  EXPECT_EQ(user_place(report.facts), "<anonymous> /srv/a.js:11");
  EXPECT_EQ(report.facts.reported->related.size(), 1U);
}

TEST(V8Text, FailedCheck) {
  const TextReport report = only_report(
      "#\n# Fatal error in ../../src/heap/mark-compact.h, line 54\n"
      "# Check failed: !IsImpossible(mark_bit).\n#\n\n"
      "==== C stack trace ===============================\n\n 1: 0xb29b0f4\n 2: "
      "__libc_start_main\n");
  EXPECT_EQ(report.facts.abort.condition, "!IsImpossible(mark_bit)");
  EXPECT_EQ(report.facts.abort.line, 54U);
  // None of the native frames has a name that says more than the check's place.
  EXPECT_EQ(report.facts.crashing.frames.size(), 1U);
  ASSERT_EQ(report.facts.reported->related.size(), 1U);
  EXPECT_EQ(report.facts.reported->related[0].frames.size(), 2U);
}

TEST(NodeReport, NeverKeepsTheEnvironment) {
  const TextReport report = only_report(
      "{\n  \"header\": {\n    \"reportVersion\": 4,\n    \"event\": \"Exception\",\n"
      "    \"trigger\": \"Exception\",\n    \"processId\": 42,\n    \"arch\": \"x64\",\n"
      "    \"commandLine\": [\"/usr/bin/node\", \"a.js\"],\n    \"nodejsVersion\": \"v24.21.0\"\n"
      "  },\n  \"javascriptStack\": {\"message\": \"TypeError: x\", \"stack\": "
      "[\"at price (/srv/a.js:2:42)\"]},\n"
      "  \"nativeStack\": [{\"pc\": \"0x12\", \"symbol\": \"node::f() [/usr/bin/node]\"}],\n"
      "  \"environmentVariables\": {\"TOKEN\": \"secret\"}\n}\n");
  const Facts& facts = report.facts;
  EXPECT_EQ(facts.process.pid, 42);
  EXPECT_EQ(facts.abort.exception_type, "TypeError");
  EXPECT_EQ(user_place(facts), "price /srv/a.js:2");
  EXPECT_TRUE(facts.reported->excerpt.empty());
  EXPECT_EQ(report.last_line, 14U);
  EXPECT_EQ(report.first_line, 2U);
}

TEST(BunText, Crash) {
  const TextReport report = only_report(
      "============================================================\n"
      "Bun v1.3.10 (30e609e0) Linux x64\nArgs: \"bun\" \"b.ts\"\nFeatures: jsc \n\n"
      "panic(main thread): Segmentation fault at address 0x8\n"
      "oh no: Bun has crashed. This indicates a bug in Bun, not your code.\n\n"
      "To send a redacted crash report to Bun's team,\nplease file a GitHub issue using the link "
      "below:\n\n https://bun.report/1.3.10/la130e609eAggggC4xu5zE+kgP_4pm+jEmsn2jECA2AQ\n");
  const Facts& facts = report.facts;
  EXPECT_EQ(facts.process.runtime, "bun 1.3.10");
  EXPECT_EQ(facts.signal.name, "SIGSEGV");
  EXPECT_EQ(facts.crashing.thread_name, "main thread");
  EXPECT_EQ(report.first_line, 2U);
}

TEST(RubyText, BugAndException) {
  const TextReport bug = only_report(
      "rb/a.rb:7: [BUG] Segmentation fault at 0x0000000000003a14\nruby 3.1.2p20 [x86_64-linux]\n\n"
      "-- Ruby level backtrace information ---\nrb/a.rb:14:in `<main>'\nrb/a.rb:7:in `price'\n\n"
      "-- C level backtrace information ---\n/lib/libc.so.6(kill+0x7) [0x7f200477a267]\n\n");
  EXPECT_EQ(user_place(bug.facts), "price rb/a.rb:7");
  EXPECT_EQ(bug.facts.signal.name, "SIGSEGV");
  const TextReport raised = only_report(
      "rb/a.rb:9:in `price': undefined method `name' for nil:NilClass (NoMethodError)\n\n"
      "    when 'exc' then nil.name\n                       ^^^^^\n\tfrom rb/a.rb:4:in `price'\n");
  EXPECT_EQ(raised.facts.abort.exception_type, "NoMethodError");
  EXPECT_EQ(raised.last_line, 5U);
}

TEST(PhpText, UncaughtAndSignal) {
  const TextReport uncaught = only_report(
      "PHP Fatal error:  Uncaught Error: Call to a member function total() on null in "
      "/srv/a.php:2\nStack trace:\n#0 /srv/a.php(3): Shop->price()\n#1 {main}\n  thrown in "
      "/srv/a.php on line 2\n");
  EXPECT_EQ(user_place(uncaught.facts), "Shop->price /srv/a.php:2");
  EXPECT_EQ(uncaught.facts.abort.exception_type, "Error");
  const TextReport fpm = only_report(
      "[21-Nov-2026 12:00:00] WARNING: [pool www] child 123 exited on signal 11 (SIGSEGV - core "
      "dumped) after 5.1 seconds from start\n");
  EXPECT_EQ(fpm.facts.process.pid, 123);
  EXPECT_EQ(fpm.facts.signal.name, "SIGSEGV");
}

}  // namespace
}  // namespace inquest::diagnosis
