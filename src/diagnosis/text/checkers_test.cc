// Reports of sanitizers, valgrind and programs' own checks, as their tools print them.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "diagnosis/text/checker_formats.h"

namespace inquest::diagnosis {
namespace {

struct Read {
  size_t taken = 0, lines = 0;
  Facts facts;
};

Read read(const Format& format, std::string_view text) {
  std::vector<TextLine> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back({.text = text.substr(0, end), .prefix = {}, .number = 0});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  TextReport report;
  const size_t taken = format.read(lines, report);
  return {taken, lines.size(), std::move(report.facts)};
}

std::string user_function(const Facts& facts) {
  if (!facts.user_frame) return "";
  return facts.crashing.frames[*facts.user_frame].functions[*facts.user_function].short_name;
}

constexpr std::string_view kUseAfterFree =
    R"(==71==ERROR: AddressSanitizer: heap-use-after-free on address 0x603000000018 at pc 0x55d bp 0x7ffe sp 0x7ffd
READ of size 4 at 0x603000000018 thread T2 (worker)
    #0 0x55d1 in shop::total(shop::Order*) /src/shop.cc:18:12
    #1 0x55d9 in main /src/shop.cc:90:3
    #2 0x7f01 in __libc_start_main (/lib/x86_64-linux-gnu/libc.so.6+0x2082f)

0x603000000018 is located 8 bytes inside of 32-byte region [0x603000000010,0x603000000030)
freed by thread T1 here:
    #0 0x49 in operator delete(void*) (/bin/shop+0x49)
    #1 0x56 in shop::close(shop::Order*) /src/shop.cc:30:3

previously allocated by thread T0 here:
    #0 0x48 in operator new(unsigned long) (/bin/shop+0x48)
    #1 0x57 in shop::make(int) /src/shop.cc:12:3

SUMMARY: AddressSanitizer: heap-use-after-free /src/shop.cc:18:12 in shop::total(shop::Order*)
Shadow bytes around the buggy address:
  0x0c067fff7fb0: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
=>0x0c067fff8000: fa fa fd[fd]fd fd fa fa fa fa fa fa fa fa fa fa
Shadow byte legend (one shadow byte represents 8 application bytes):
  Addressable:           00
==71==ABORTING
something else)";

TEST(Checkers, AddressSanitizerSaysWhoUsedFreedAndAllocated) {
  const Read got = read(kSanitizer, kUseAfterFree);
  EXPECT_EQ(got.taken, got.lines - 1);
  const Facts& facts = got.facts;
  EXPECT_EQ(facts.process.pid, 71);
  EXPECT_EQ(facts.reported->error, "heap-use-after-free");
  EXPECT_EQ(facts.reported->access, AccessKind::kRead);
  EXPECT_EQ(facts.reported->size, 4u);
  EXPECT_EQ(facts.reported->address, Address(0x603000000018));
  EXPECT_EQ(facts.crashing.thread_name, "T2 (worker)");
  EXPECT_EQ(user_function(facts), "shop::total");
  ASSERT_TRUE(facts.heap);
  const AllocationFact& block = facts.heap->allocations.at(0);
  EXPECT_EQ(block.state, AllocationFact::State::kFreed);
  EXPECT_EQ(block.start, Address(0x603000000010));
  EXPECT_EQ(block.size, 32u);
  EXPECT_EQ(block.offset, 8);
  EXPECT_EQ(block.freed->frames.at(1).functions[0].short_name, "shop::close");
  EXPECT_EQ(block.freed->frames.at(0).functions[0].role, CodeRole::kLanguage);
  EXPECT_EQ(block.allocated->frames.at(1).functions[0].line, 12u);
}

TEST(Checkers, StackVariablesAreNamed) {
  const Read got = read(
      kSanitizer,
      R"(==9==ERROR: AddressSanitizer: stack-buffer-overflow on address 0x7ff10030 at pc 0x1 bp 0x2 sp 0x3
WRITE of size 1 at 0x7ff10030 thread T0
    #0 0x55 in fill a.c:3
Address 0x7ff10030 is located in stack of thread T0 at offset 48 in frame
    #0 0x56 in handler a.c:7

  This frame has 2 object(s):
    [32, 42) 'buf' (line 8) <== Memory access at offset 48 overflows this variable
    [64, 68) 'n' (line 9)
SUMMARY: AddressSanitizer: stack-buffer-overflow a.c:3 in fill)");
  const AllocationFact& variable = got.facts.heap->allocations.at(0);
  EXPECT_EQ(variable.place, "variable `buf` of handler(), line 8");
  EXPECT_EQ(variable.size, 10u);
  EXPECT_EQ(variable.offset, 16);
  EXPECT_EQ(
      variable.statement,
      "the access begins 6 bytes past the end of the 10-byte variable `buf` of handler(), line 8");
}

TEST(Checkers, UnsymbolisedFramesKeepModuleAndBuildId) {
  const Read got = read(
      kSanitizer,
      R"(==5==ERROR: AddressSanitizer: SEGV on unknown address 0x000000000018 (pc 0x5581 bp 0x2 sp 0x3 T0)
==5==The signal is caused by a READ memory access.
==5==Hint: address points to the zero page.
    #0 0x5581  (/opt/app/bin/serve+0xd7c2) (BuildId: 0a0b0c)
    #1 0x7f22  (/lib/x86_64-linux-gnu/libc.so.6+0x29d8f) (BuildId: ff00)
AddressSanitizer can not provide additional info.
SUMMARY: AddressSanitizer: SEGV (/opt/app/bin/serve+0xd7c2)
==5==ABORTING)");
  EXPECT_EQ(got.taken, got.lines);
  EXPECT_EQ(got.facts.signal.name, "SIGSEGV");
  EXPECT_EQ(got.facts.fault->access, AccessKind::kRead);
  EXPECT_TRUE(got.facts.fault->address_facts->has(AddressTrait::kNearNull));
  const FrameFact& frame = got.facts.crashing.frames.at(0);
  EXPECT_EQ(frame.module, "/opt/app/bin/serve");
  EXPECT_EQ(frame.module_offset, 0xd7c2u);
  EXPECT_EQ(frame.build_id, "0a0b0c");
  EXPECT_EQ(got.facts.process.command, "serve");
}

TEST(Checkers, ThreadSanitizerShowsBothSides) {
  const Read got = read(kSanitizer, R"(WARNING: ThreadSanitizer: data race (pid=12)
  Write of size 4 at 0x55d0 by thread T2:
    #0 add(void*) /src/race.cc:6:42 (race+0xd1)

  Previous read of size 4 at 0x55d0 by thread T1:
    #0 peek(void*) /src/race.cc:9:7 (race+0xd2)

  Location is global 'counter' of size 4 at 0x55d0 (race+0x149e)

  Thread T2 (tid=14, running) created by main thread at:
    #0 pthread_create <null> (race+0x4c)
    #1 main /src/race.cc:20:3 (race+0xe1)

SUMMARY: ThreadSanitizer: data race /src/race.cc:6:42 in add(void*)
==================)");
  EXPECT_EQ(got.taken, got.lines);
  EXPECT_EQ(got.facts.process.pid, 12);
  EXPECT_EQ(got.facts.reported->error, "data race");
  EXPECT_EQ(user_function(got.facts), "add");
  EXPECT_EQ(got.facts.crashing.thread_name, "thread T2");
  ASSERT_EQ(got.facts.reported->related.size(), 2u);
  EXPECT_EQ(got.facts.reported->related[0].title, "Previous read of size 4 at 0x55d0 by thread T1");
  EXPECT_EQ(got.facts.heap->allocations.at(0).place, "global variable `counter`");
}

TEST(Checkers, MemorySanitizerLeadsToTheBirthOfTheValue) {
  const Read got = read(kSanitizer, R"(==3==WARNING: MemorySanitizer: use-of-uninitialized-value
    #0 0x49 in check(int) /src/m.cc:9:7
    #1 0x4a in main /src/m.cc:20:3

  Uninitialized value was created by an allocation of 'limit' in the stack frame
    #0 0x48 in parse(char const*) /src/m.cc:3:3

SUMMARY: MemorySanitizer: use-of-uninitialized-value /src/m.cc:9:7 in check(int)
Exiting)");
  ASSERT_EQ(got.facts.origin.steps.size(), 1u);
  EXPECT_EQ(got.facts.origin.steps[0].statement,
            "the value is that of the variable `limit`, never set in parse() at /src/m.cc:3");
  EXPECT_EQ(got.facts.origin.blamed.at(0).function, "parse");
}

TEST(Checkers, UndefinedBehaviorWithoutAStackIsAPlace) {
  const Read got = read(kUndefinedBehavior,
                        "src/a.cc:7:44: runtime error: load of null pointer of type 'int'\nnext");
  EXPECT_EQ(got.taken, 1u);
  const FunctionFact& place = got.facts.crashing.frames.at(0).functions[0];
  EXPECT_EQ(place.file, "src/a.cc");
  EXPECT_EQ(place.line, 7u);
  EXPECT_EQ(place.role, CodeRole::kUser);
  EXPECT_EQ(read(kUndefinedBehavior, "panic: runtime error: index out of range [5]").taken, 0u);
}

TEST(Checkers, ValgrindJoinsTheErrorAndTheDeath) {
  const Read got = read(kValgrind, R"(==44== Invalid read of size 4
==44==    at 0x109166: total (shop.cc:18)
==44==    by 0x1091F0: main (shop.cc:90)
==44==  Address 0x4d5e088 is 8 bytes inside a block of size 32 free'd
==44==    at 0x48431EF: free (vg_replace_malloc.c:872)
==44==    by 0x109190: close_order (shop.cc:30)
==44==  Block was alloc'd at
==44==    at 0x4840F2F: malloc (vg_replace_malloc.c:381)
==44==    by 0x109155: make_order (shop.cc:12)
==44==
==44== Conditional jump or move depends on uninitialised value(s)
==44==    at 0x109166: total (shop.cc:18))");
  EXPECT_EQ(got.taken, 9u);
  EXPECT_EQ(user_function(got.facts), "total");
  const AllocationFact& block = got.facts.heap->allocations.at(0);
  EXPECT_EQ(block.state, AllocationFact::State::kFreed);
  EXPECT_EQ(block.freed->frames.at(1).functions[0].short_name, "close_order");
  EXPECT_EQ(block.allocated->frames.at(1).functions[0].short_name, "make_order");
  EXPECT_EQ(block.allocated->frames.at(0).functions[0].role, CodeRole::kLibrary);
}

TEST(Checkers, ValgrindXmlSaysTheSame) {
  const Read got = read(kValgrindXml, R"(<error>
  <unique>0x0</unique>
  <kind>InvalidRead</kind>
  <what>Invalid read of size 4</what>
  <stack>
    <frame>
      <ip>0x109166</ip>
      <obj>/bin/shop</obj>
      <fn>Box&lt;int&gt;::get()</fn>
      <dir>/src</dir>
      <file>shop.cc</file>
      <line>18</line>
    </frame>
  </stack>
  <auxwhat>Address 0x0 is not stack'd, malloc'd or (recently) free'd</auxwhat>
</error>
<fatal_signal>
  <signo>11</signo>
  <signame>SIGSEGV</signame>
</fatal_signal>)");
  EXPECT_EQ(got.taken, got.lines);
  EXPECT_EQ(got.facts.signal.name, "SIGSEGV");
  EXPECT_EQ(got.facts.reported->tool, "valgrind memcheck");
  EXPECT_EQ(got.facts.reported->address, Address(0));
  const FunctionFact& function = got.facts.crashing.frames.at(0).functions[0];
  EXPECT_EQ(function.name, "Box<int>::get()");
  EXPECT_EQ(function.file, "/src/shop.cc");
}

struct Words {
  std::string_view text;
  AbortFacts::Kind kind;
  std::string_view condition, file;
  uint32_t line;
};

TEST(Checkers, LastWordsOfEveryFamily) {
  using Kind = AbortFacts::Kind;
  const Words rows[] = {
      {"app: src/a.c:38: main: Assertion `n > 0' failed.", Kind::kAssertion, "n > 0", "src/a.c",
       38},
      {"*** stack smashing detected ***: terminated", Kind::kStackSmashing, "", "", 0},
      {"*** buffer overflow detected ***: terminated", Kind::kFortify, "", "", 0},
      {"free(): invalid pointer", Kind::kGlibcHeap, "", "", 0},
      {"double free or corruption (!prev)", Kind::kGlibcHeap, "", "", 0},
      {"Fatal glibc error: malloc.c:2599 (sysmalloc): assertion failed: (old_top == x)",
       Kind::kGlibcHeap, "(old_top == x)", "malloc.c", 2599},
      {"terminate called after throwing an instance of 'std::runtime_error'\n  what():  no such "
       "order",
       Kind::kException, "", "", 0},
      {"terminate called without an active exception", Kind::kTerminate, "", "", 0},
      {"pure virtual method called", Kind::kPureVirtual, "", "", 0},
      {"libc++abi: terminating due to uncaught exception of type std::out_of_range: vector",
       Kind::kException, "", "", 0},
      {"F0813 00:29:27.775753  384244 file.cc:130] Check failed: a == b (1 vs. 2)",
       Kind::kAssertion, "a == b", "file.cc", 130},
      {"[420:1396:0603/182751:FATAL:media.cc(278)] Check failed: it != end().", Kind::kAssertion,
       "it != end()", "media.cc", 278},
      {"GLib:ERROR:../parser.c:709:get: assertion failed: (j < i)", Kind::kAssertion, "j < i",
       "../parser.c", 709},
      {"ASSERTION FAILED: start <= end\n../../a.cpp(123) : void f()", Kind::kAssertion,
       "start <= end", "../../a.cpp", 123},
  };
  for (const Words& row : rows) {
    const Read got = read(kLastWords, row.text);
    EXPECT_EQ(got.taken, got.lines) << row.text;
    EXPECT_EQ(to_string(got.facts.abort.kind), to_string(row.kind)) << row.text;
    EXPECT_EQ(got.facts.abort.condition, row.condition);
    EXPECT_EQ(got.facts.abort.file, row.file);
    EXPECT_EQ(got.facts.abort.line, row.line);
  }
  EXPECT_EQ(read(kLastWords, "(app:1): Gtk-CRITICAL **: f: assertion 'x' failed").taken, 0u);
  EXPECT_EQ(read(kLastWords, "the test checks that free(): is called, see assertion 3").taken, 0u);
}

TEST(Checkers, LastWordsTakeTheStackOfTheDeathBehindThem) {
  const Read got = read(kLastWords, R"(app: src/a.c:38: check: Assertion `n > 0' failed.
==12==ERROR: AddressSanitizer: ABRT on unknown address 0x00000000000c (pc 0x7f bp 0x1 sp 0x2 T0)
    #0 0x7f in raise (/lib/libc.so.6+0x4300b)
    #1 0x80 in abort (/lib/libc.so.6+0x22858)
    #2 0x81 in __assert_fail (/lib/libc.so.6+0x33fd5)
    #3 0x55 in check /src/a.c:38:3
    #4 0x56 in main /src/a.c:60:3
SUMMARY: AddressSanitizer: ABRT (/lib/libc.so.6+0x4300b) in raise)");
  EXPECT_EQ(got.taken, got.lines);
  EXPECT_EQ(got.facts.process.pid, 12);
  EXPECT_EQ(got.facts.signal.name, "SIGABRT");
  EXPECT_EQ(got.facts.crash_frame, 3u);
  EXPECT_EQ(user_function(got.facts), "check");
}

TEST(Checkers, FailureSignalHandlers) {
  const Read glog =
      read(kFailureSignal,
           R"(*** SIGSEGV (@0x8) received by PID 77 (TID 0x7f0) from PID 8; stack trace: ***
    @     0x7f5a6b (unknown)
    @     0x55d001 shop::total()
    @     0x55d002 main)");
  EXPECT_EQ(glog.taken, glog.lines);
  EXPECT_EQ(glog.facts.process.pid, 77);
  EXPECT_EQ(glog.facts.signal.address, Address(8));
  EXPECT_EQ(user_function(glog.facts), "shop::total");
  const Read chromium = read(kFailureSignal, R"(Received signal 11 SEGV_MAPERR 0000000000b0
#0 0x55f1 base::debug::CollectStackTrace() [../../base/x.cc:859:39]
#1 0x7f00 (/usr/lib/libpthread-2.31.so+0x1441f)
#2 0x55f2 content::Frame::Draw() [../../content/frame.cc:59:3]
  r8: 0000000000000000  r9: 0000000000000001
 trp: 000000000000000e erf: 0000000000000006 cr2: 00000000000000b0
[end of stack trace]
later)");
  EXPECT_EQ(chromium.facts.signal.code_name, "SEGV_MAPERR");
  EXPECT_EQ(chromium.facts.crash_frame, 2u);
  EXPECT_EQ(user_function(chromium.facts), "content::Frame::Draw");
}

TEST(Checkers, CentipedeLimitsWithTheStackOfTheAbort) {
  const Read got =
      read(kCentipede, R"(========= Stack limit exceeded: 982784 > 131072 (byte); aborting
==12==ERROR: AddressSanitizer: ABRT on unknown address 0x00000000000c (pc 0x7f bp 0x1 sp 0x2 T0)
    #0 0x7f in raise (/lib/libc.so.6+0x4300b)
    #1 0x55 in walk /src/a.c:38:3
SUMMARY: AddressSanitizer: ABRT (/lib/libc.so.6+0x4300b) in raise)");
  EXPECT_EQ(got.taken, got.lines);
  EXPECT_TRUE(got.facts.reported->error.starts_with("stack-overflow"));
  EXPECT_EQ(user_function(got.facts), "walk");
  EXPECT_EQ(read(kCentipede, "========= results =========").taken, 0u);
}

}  // namespace
}  // namespace inquest::diagnosis
