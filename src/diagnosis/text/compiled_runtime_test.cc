// Rust and Go: texts that real programs printed (rustc 1.95 and 1.60, go 1.19 and 1.23).
#include <gmock/gmock.h>

#include "diagnosis/text/bun_trace_string.h"
#include "diagnosis/text/report_test_util.h"
#include "diagnosis/text/rust_backtrace.h"

namespace inquest::diagnosis {
namespace {

constexpr std::string_view kRustIndex = R"(
thread 'worker-7' (5773) panicked at rs/a.rs:3:58:
index out of bounds: the len is 3 but the index is 7
stack backtrace:
   0: __rustc::rust_begin_unwind
             at /rustc/59807616e1fa/library/std/src/panicking.rs:689:5
   1: core::panicking::panic_fmt
             at /rustc/59807616e1fa/library/core/src/panicking.rs:80:14
   2: <alloc::vec::Vec<T,A> as core::ops::index::Index<I>>::index
             at /rustc/59807616e1fa/library/alloc/src/vec/mod.rs:3804:9
   3: a::Cart::price
             at ./rs/a.rs:3:58
   4: a::main
             at ./rs/a.rs:9:43
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.
)";

TEST(RustText, PanicWithBacktrace) {
  const TextReport report = only_report(kRustIndex);
  const Facts& facts = report.facts;
  EXPECT_EQ(report.format, "rust-panic");
  EXPECT_EQ(report.first_line, 2U);
  EXPECT_EQ(report.last_line, 15U);
  EXPECT_EQ(facts.abort.kind, AbortFacts::Kind::kPanic);
  EXPECT_EQ(facts.abort.message, "index out of bounds: the len is 3 but the index is 7");
  EXPECT_EQ(facts.abort.file, "rs/a.rs");
  EXPECT_EQ(facts.abort.line, 3U);
  EXPECT_EQ(facts.crashing.thread_name, "worker-7");
  EXPECT_EQ(facts.crashing.tid, 5773);
  EXPECT_EQ(facts.crash_frame, 2U);
  EXPECT_EQ(user_place(facts), "a::Cart::price ./rs/a.rs:3");
  EXPECT_EQ(facts.process.language, "Rust");
  EXPECT_EQ(facts.signal.number, 0);
}

TEST(RustText, OldWordingAndNoBacktrace) {
  const TextReport report = only_report(
      "thread 'main' panicked at 'first line\nsecond: it''s', src/main.rs:12:5\n"
      "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\nnext line");
  EXPECT_EQ(report.facts.abort.message, "first line\nsecond: it''s");
  EXPECT_EQ(report.facts.abort.line, 12U);
  EXPECT_EQ(user_place(report.facts), " src/main.rs:12");
  EXPECT_EQ(report.last_line, 3U);
  EXPECT_EQ(report.facts.missing.size(), 1U);
}

TEST(RustText, APanicDuringAPanicIsOneDeath) {
  const TextReport report = only_report(
      "thread 'main' (58) panicked at a.rs:16:51:\ncannot unwind from here\n"
      "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n\n"
      "thread 'main' (58) panicked at /rustc/5980/library/core/src/panicking.rs:225:5:\n"
      "panic in a function that cannot unwind\n"
      "thread caused non-unwinding panic. aborting.\n");
  EXPECT_EQ(report.facts.abort.message, "cannot unwind from here");
  EXPECT_EQ(report.facts.signal.name, "SIGABRT");
  EXPECT_EQ(report.last_line, 7U);
}

TEST(RustText, PanicsOfTwoThreadsAreTwo) {
  const Scan scan =
      read_reports("thread 'a' panicked at a.rs:1:1:\nx\nthread 'b' panicked at a.rs:2:1:\ny\n");
  EXPECT_EQ(scan.reports.size(), 2U);
}

TEST(RustText, StackOverflowAndMemory) {
  const TextReport overflow = only_report(
      "\nthread 'main' (5834) has overflowed its stack\n"
      "fatal runtime error: stack overflow, aborting\n");
  EXPECT_EQ(overflow.facts.reported->error, "stack overflow");
  EXPECT_EQ(overflow.facts.signal.name, "SIGABRT");
  const TextReport memory = only_report("memory allocation of 70368744177664 bytes failed\n");
  EXPECT_EQ(memory.facts.abort.kind, AbortFacts::Kind::kOutOfMemory);
}

TEST(RustText, HashesGo) {
  EXPECT_EQ(without_rust_hashes("std[e28293b1aa0f68bd]::rt::f::<a[0123456789abcdef]::B>"),
            "std::rt::f::<a::B>");
  EXPECT_EQ(without_rust_hashes("app::main::h1854dee5fd9945b4"), "app::main");
  EXPECT_EQ(without_rust_hashes("<[T] as a::B>::f"), "<[T] as a::B>::f");
}

constexpr std::string_view kGoNil =
    R"(panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x30 pc=0x484540]

goroutine 1 [running]:
panic({0x48f3a0, 0x529020})
	/usr/lib/go-1.19/src/runtime/panic.go:987 +0x3ba fp=0xc000086e40 sp=0xc000086d80 pc=0x43171a
runtime.sigpanic()
	/usr/lib/go-1.19/src/runtime/signal_unix.go:835 +0x2f6
main.(*Cart).ownerName(...)
	/srv/shop/a.go:18
main.main()
	/srv/shop/a.go:26 +0x6e0 fp=0xc000086f80 sp=0xc000086e90 pc=0x484540

goroutine 2 [chan receive, 5 minutes]:
runtime.gopark(0x0?, 0x0?)
	/usr/lib/go-1.19/src/runtime/proc.go:363 +0xd6
created by runtime.init.6 in goroutine 1
	/usr/lib/go-1.19/src/runtime/proc.go:290 +0x25
exit status 2
)";

TEST(GoText, NilPointer) {
  const TextReport report = only_report(kGoNil);
  const Facts& facts = report.facts;
  EXPECT_EQ(report.last_line, 19U);
  EXPECT_EQ(facts.signal.name, "SIGSEGV");
  EXPECT_EQ(facts.signal.code_name, "SEGV_MAPERR");
  ASSERT_TRUE(facts.signal.address);
  EXPECT_EQ(facts.signal.address->value, 0x30U);
  EXPECT_EQ(user_place(facts), "main.(*Cart).ownerName /srv/shop/a.go:18");
  EXPECT_EQ(facts.others.size(), 1U);
  EXPECT_EQ(facts.process.language, "Go");
}

TEST(GoText, AMapWrittenByTwo) {
  const TextReport report = only_report(
      "fatal error: concurrent map writes\n\ngoroutine 13 [running]:\nmain.main.func1()\n"
      "\t/srv/a.go:38 +0x2e\ncreated by main.main\n\t/srv/a.go:38 +0x8b7\n\n"
      "goroutine 1 [sleep]:\ntime.Sleep(0x12a05f200)\n\t/usr/lib/go-1.19/src/runtime/time.go:195 "
      "+0x135\nmain.main()\n\t/srv/a.go:39 +0x918\n");
  EXPECT_EQ(report.facts.reported->error, "fatal error: concurrent map writes");
  EXPECT_EQ(user_place(report.facts), "main.main.func1 /srv/a.go:38");
  EXPECT_EQ(report.facts.others.size(), 1U);
}

TEST(GoText, AnAddressThatTheProcessorDidNotSay) {
  const TextReport report = only_report(
      "unexpected fault address 0x0\nfatal error: fault\n"
      "[signal SIGSEGV: segmentation violation code=0x80 addr=0x0 pc=0x48424f]\n\n"
      "goroutine 1 [running]:\nmain.main()\n\t/srv/a.go:41 +0x3ef\n");
  EXPECT_FALSE(report.facts.signal.address);
  EXPECT_FALSE(report.facts.fault);
}

TEST(GoText, TheCompilersFatalErrorIsNone) {
  EXPECT_TRUE(read_reports("a.c:1:10: fatal error: x.h: No such file\ncompilation terminated.\n")
                  .reports.empty());
  EXPECT_TRUE(read_reports("panic: page fault\ncpuid = 0\n").reports.empty());
}

TEST(GoText, CodeOfAnotherLanguage) {
  const TextReport report = only_report(
      "fatal error: unexpected signal during runtime execution\n"
      "[signal SIGSEGV: segmentation violation code=0x1 addr=0x10 pc=0x4624b2]\n\n"
      "runtime stack:\nruntime.throw({0x4783d1?, 0x7fed9744abd8?})\n"
      "\t/usr/lib/go-1.19/src/runtime/panic.go:1047 +0x5d\n\n"
      "goroutine 1 [syscall]:\nruntime.cgocall(0x4624a0, 0xc000048f60)\n"
      "\t/usr/lib/go-1.19/src/runtime/cgocall.go:158 +0x5c\nmain._Cfunc_deref(0x0)\n"
      "\t_cgo_gotypes.go:43 +0x48\nmain.callC(...)\n\t/srv/c.go:11\n");
  EXPECT_EQ(user_place(report.facts), "main.callC /srv/c.go:11");
  ASSERT_EQ(report.facts.reported->related.size(), 1U);
}

TEST(BunTrace, Decodes) {
  const auto trace =
      parse_bun_trace("1.3.10/la130e609eAggggC4xu5zE+kgP_4pm+jEmsn2jE2jmvtFA2AQ and more words");
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->version, "1.3.10");
  EXPECT_EQ(trace->platform, "linux x86_64");
  EXPECT_EQ(trace->commit, "30e609e");
  EXPECT_EQ(trace->message, "Segmentation fault");
  ASSERT_TRUE(trace->address);
  EXPECT_EQ(*trace->address, 8U);
  ASSERT_EQ(trace->frames.size(), 6U);
  EXPECT_EQ(trace->frames[2].kind, BunFrame::Kind::kUnknown);
}

TEST(BunTrace, RefusesWhatIsBroken) {
  EXPECT_FALSE(parse_bun_trace("1.3.10/la130e609eAggggC4xu5zE+kgP"));
  EXPECT_FALSE(parse_bun_trace("1.3/la130e609eAA2AQ"));
  EXPECT_FALSE(parse_bun_trace("1.3.10/?a130e609eAggggCA2AQ"));
  EXPECT_FALSE(parse_bun_trace(""));
}

}  // namespace
}  // namespace inquest::diagnosis
