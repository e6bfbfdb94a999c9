// gdb, lldb, Java, Android, crash handlers and the heads of foreign crash reports.
#include <gmock/gmock.h>

#include "diagnosis/text/debugger_frames.h"
#include "diagnosis/text/printed_operand.h"
#include "diagnosis/text/report_test_util.h"

namespace inquest::diagnosis {
namespace {

constexpr std::string_view kGdbRun =
    "Thread 1 \"crash\" received signal SIGSEGV, Segmentation fault.\n"
    "0x00005555555552af in rate (cart=...) at nat/crash.cc:10\n"
    "10\tint rate(const Cart& cart) { return cart.owner->rate; }\n"
    "(gdb) bt\n"
    "#0  0x00005555555552af in rate (cart=...) at nat/crash.cc:10\n"
    "#1  0x00005555555552bc in checkout (cart=..., name=\"a, b\", owner=0x0)\n"
    "    at nat/crash.cc:11\n"
    "#2  0x0000555555555385 in main (argc=<optimized out>) at nat/crash.cc:18\n"
    "(gdb) x/i $pc\n"
    "=> 0x5555555552af <_Z4rateRK4Cart+3>:\tmov    0x38(%rax),%eax\n"
    "(gdb) p $_siginfo._sifields._sigfault\n"
    "$1 = {si_addr = 0x38, _addr_lsb = 0}\n"
    "(gdb) thread apply all bt\n\n"
    "Thread 2 (Thread 0x7ffff7a1d6c0 (LWP 14316) \"poll\"):\n"
    "#0  0x00007ffff7af1df2 in __libc_pause () at ../sysdeps/unix/sysv/linux/pause.c:29\n"
    "#1  0x00007ffff7cd44a3 in ?? () from /lib/x86_64-linux-gnu/libstdc++.so.6\n\n"
    "Thread 1 (Thread 0x7ffff7eb0740 (LWP 14310) \"crash\"):\n"
    "#0  0x00005555555552af in rate (cart=...) at nat/crash.cc:10\n"
    "#1  0x00005555555552bc in checkout (cart=..., name=\"a, b\", owner=0x0) at nat/crash.cc:11\n"
    "#2  0x0000555555555385 in main (argc=<optimized out>) at nat/crash.cc:18\n";

TEST(GdbText, ASession) {
  const TextReport report = only_report(kGdbRun);
  const Facts& facts = report.facts;
  EXPECT_EQ(report.last_line, 22U);
  EXPECT_EQ(facts.signal.name, "SIGSEGV");
  ASSERT_TRUE(facts.fault);
  EXPECT_EQ(facts.fault->instruction, "mov    0x38(%rax),%eax");
  ASSERT_TRUE(facts.fault->address);
  EXPECT_EQ(facts.fault->address->value, 0x38U);
  EXPECT_EQ(user_place(facts), "rate nat/crash.cc:10");
  ASSERT_EQ(facts.crashing.frames.size(), 3U);
  EXPECT_EQ(facts.crashing.tid, 14310);
  const auto& variables = facts.crashing.frames[1].variables;
  ASSERT_EQ(variables.size(), 3U);
  EXPECT_EQ(variables[1].text, "\"a, b\"");
  EXPECT_EQ(variables[2].text, "0x0");
  EXPECT_EQ(facts.crashing.frames[2].variables[0].why_not, "optimized out");
  ASSERT_EQ(facts.others.size(), 1U);
  EXPECT_EQ(facts.others[0].thread_name, "poll");
}

TEST(GdbText, OnlyABacktrace) {
  const TextReport report = only_report(
      "#0  __pthread_kill_implementation (threadid=1, signo=6) at ./nptl/pthread_kill.c:44\n"
      "#1  0x00007f4a in abort () from /lib/libc.so.6\n"
      "#2  0x00005581 in check (n=3) at a.c:7\n");
  EXPECT_EQ(report.facts.signal.name, "SIGABRT");
  EXPECT_EQ(user_place(report.facts), "check a.c:7");
}

TEST(GdbText, NumberedListsAreNoStacks) {
  EXPECT_TRUE(read_reports("#1 buy milk (today)\n#2 fix the build\n").reports.empty());
}

TEST(LldbText, ASession) {
  const TextReport report = only_report(
      "Process 14983 stopped\n"
      "* thread #1, name = 'crash', stop reason = signal SIGSEGV: invalid address (fault address: "
      "0x38)\n"
      "    frame #0: 0x00005555555552af crash`rate(cart=0x00007fffffffe668) at crash.cc:10:67\n"
      "   9   \tstruct Cart { Owner* owner; };\n"
      "-> 10  \tint rate(const Cart& cart) { return cart.owner->rate; }\n"
      "(lldb) bt\n"
      "* thread #1, name = 'crash', stop reason = signal SIGSEGV: invalid address (fault address: "
      "0x38)\n"
      "  * frame #0: 0x00005555555552af crash`rate(cart=0x00007fffffffe668) at crash.cc:10:67\n"
      "    frame #1: 0x0000555555555385 crash`main(argc=1, argv=0x0) at crash.cc:18:5\n"
      "    frame #2: 0x00007ffff7a4524a libc.so.6`___lldb_unnamed_symbol3135 + 122\n");
  const Facts& facts = report.facts;
  EXPECT_EQ(facts.signal.name, "SIGSEGV");
  ASSERT_TRUE(facts.fault && facts.fault->address);
  EXPECT_EQ(facts.fault->address->value, 0x38U);
  ASSERT_EQ(facts.crashing.frames.size(), 3U);
  EXPECT_EQ(user_place(facts), "rate crash.cc:10");
  EXPECT_EQ(facts.crashing.frames[0].functions[0].column, 67U);
  EXPECT_EQ(facts.crashing.frames[2].module, "libc.so.6");
}

TEST(JavaText, HsErr) {
  const TextReport report = only_report(
      "#\n# A fatal error has been detected by the Java Runtime Environment:\n#\n"
      "#  SIGSEGV (0xb) at pc=0x00007f4cb7a59105, pid=14778, tid=14779\n#\n"
      "# JRE version: OpenJDK Runtime Environment (17.0.15+6)\n# Problematic frame:\n"
      "# C  [libn.so+0x1105]  load+0xc\n#\n\n"
      "---------------  S U M M A R Y ------------\n\nCommand Line: N jni\n\n"
      "Current thread (0x00007f4cb0017f90):  JavaThread \"main\" [_thread_in_native]\n\n"
      "Native frames: (J=compiled Java code, j=interpreted, Vv=VM code, C=native code)\n"
      "C  [libn.so+0x1105]  load+0xc\nC  [libn.so+0x1124]  Java_N_f+0x1a\nj  N.f()V+0\n"
      "v  ~StubRoutines::call_stub\nV  [libjvm.so+0x8282d2]  JavaCalls::call_helper(int)+0x302\n\n"
      "siginfo: si_signo: 11 (SIGSEGV), si_code: 1 (SEGV_MAPERR), si_addr: "
      "0x000000000000000c\n\nEND.\n");
  const Facts& facts = report.facts;
  EXPECT_EQ(facts.process.pid, 14778);
  EXPECT_EQ(facts.signal.code_name, "SEGV_MAPERR");
  ASSERT_TRUE(facts.fault && facts.fault->address);
  EXPECT_EQ(facts.fault->address->value, 12U);
  ASSERT_EQ(facts.crashing.frames.size(), 5U);
  EXPECT_EQ(facts.crashing.frames[0].module_offset, 0x1105U);
  EXPECT_EQ(user_place(facts), "load :0");
  EXPECT_EQ(facts.crashing.thread_name, "main");
  EXPECT_EQ(facts.process.arguments, "N jni");
}

TEST(JavaText, ExceptionWithCause) {
  const TextReport report = only_report(
      "Exception in thread \"main\" java.lang.RuntimeException: cannot price\n"
      "\tat N.main(N.java:5)\nCaused by: java.lang.NullPointerException: x is null\n"
      "\tat java.base/java.util.Objects.requireNonNull(Objects.java:208)\n"
      "\tat shop.Cart.price(Cart.java:18)\n\t... 1 more\n");
  EXPECT_EQ(report.facts.abort.exception_type, "java.lang.NullPointerException");
  EXPECT_EQ(user_place(report.facts), "shop.Cart.price Cart.java:18");
  EXPECT_EQ(report.last_line, 6U);
}

TEST(AndroidText, Tombstone) {
  const TextReport report = only_report(
      "*** *** *** *** *** *** *** *** *** *** *** *** *** *** *** ***\n"
      "Build fingerprint: 'google/raven/raven:13/TQ1A/1:user/release-keys'\nABI: 'arm64'\n"
      "pid: 1234, tid: 1240, name: RenderThread  >>> com.example.shop <<<\n"
      "signal 11 (SIGSEGV), code 1 (SEGV_MAPERR), fault addr 0x0000000000000018 (write)\n"
      "Cause: null pointer dereference\n"
      "    x0  0000000000000000  x1  00000000000000b4\n"
      "    lr  00000070  sp  00000071  pc  0000007012345678  pst 0000000060001000\n"
      "backtrace:\n"
      "      #00 pc 0000000000012345  /data/app/lib/arm64/libshop.so (shop::rate(Cart&)+24) "
      "(BuildId: ab12cd)\n"
      "      #01 pc 000000000004e8a0  /apex/com.android.runtime/lib64/bionic/libc.so "
      "(__pthread_start(void*)+64) (BuildId: ef34)\n");
  const Facts& facts = report.facts;
  EXPECT_EQ(facts.process.command, "com.example.shop");
  EXPECT_EQ(facts.crashing.tid, 1240);
  EXPECT_EQ(facts.reported->summary, "null pointer dereference");
  ASSERT_EQ(facts.crashing.frames.size(), 2U);
  EXPECT_EQ(facts.crashing.frames[0].build_id, "ab12cd");
  EXPECT_EQ(facts.crashing.frames[0].module_offset, 0x12345U);
  EXPECT_EQ(facts.crashing.frames[0].functions[0].short_name, "shop::rate");
  EXPECT_EQ(facts.fault->access, AccessKind::kWrite);
  EXPECT_EQ(facts.process.arch, "aarch64");
}

TEST(SignalHandlerText, ManyHandlers) {
  const TextReport glog = only_report(
      "*** Aborted at 1592 (unix time) try \"date -d @1592\" if you are using GNU date ***\n"
      "PC: @     0x55d0 rate()\n"
      "*** SIGSEGV (@0x18) received by PID 9 (TID 0x7f12) from PID 24; stack trace: ***\n"
      "    @     0x7f4a0 (unknown)\n    @     0x55d0 rate()\n    @     0x55e0 main\n");
  EXPECT_EQ(glog.facts.signal.address->value, 0x18U);
  EXPECT_EQ(glog.facts.process.pid, 9);
  EXPECT_FALSE(glog.facts.signal.sent_by_other);
  const TextReport npm = only_report(
      "PID 9 received SIGSEGV for address: 0x0\n"
      "/srv/node_modules/segfault-handler/build/Release/segfault-handler.node(+0x2cd)[0x7f]\n"
      "/lib/x86_64-linux-gnu/libc.so.6(+0x3c050)[0x7ff7]\n/srv/shop.node(_Z4ratev+0x3)[0x55]\n");
  EXPECT_EQ(npm.format, "segfault-handler");
  ASSERT_EQ(npm.facts.crashing.frames.size(), 3U);
  EXPECT_EQ(npm.facts.crashing.frames[2].functions[0].short_name, "rate");
  const TextReport chromium = only_report(
      "Received signal 11 SEGV_MAPERR 000000000018\n#0 0x55d0 base::debug::StackTrace()\n"
      "#1 0x55e0 shop::rate()\n  r8: 0000 r9: 0000\n[end of stack trace]\n");
  EXPECT_EQ(chromium.facts.signal.code_name, "SEGV_MAPERR");
  EXPECT_EQ(chromium.facts.fault->address->value, 0x18U);
}

TEST(ForeignText, AppleAndWindows) {
  const TextReport apple = only_report(
      "Process:               Shop [812]\nPath:                  /Applications/Shop\n\n"
      "Exception Type:        EXC_BAD_ACCESS (SIGSEGV)\n"
      "Exception Codes:       KERN_INVALID_ADDRESS at 0x0000000000000018\n\n"
      "Thread 0 Crashed:: Dispatch queue: com.apple.main-thread\n"
      "0   Shop                     0x0000000100a1 shop::rate(Cart&) + 12 (cart.cc:10)\n"
      "1   libdyld.dylib            0x00007fff2031 start + 1\n\nBinary Images:\n");
  EXPECT_EQ(apple.facts.process.pid, 812);
  EXPECT_EQ(user_place(apple.facts), "shop::rate cart.cc:10");
  const TextReport windows = only_report(
      "(14a8.c04): Access violation - code c0000005 (!!! second chance !!!)\n"
      "Attempt to read from address 0000000000000010\nPROCESS_NAME:  Shop.exe\n\nSTACK_TEXT:\n"
      "002df7e4 00fd1423 00fd1078 00fd1078 7f956000 Shop!rate+0x1e\n"
      "002df8b8 00fd1969 00000001 00328df8 0032e9c0 Shop!wmain+0x23\n\n");
  EXPECT_EQ(windows.facts.signal.address->value, 0x10U);
  ASSERT_EQ(windows.facts.crashing.frames.size(), 2U);
  EXPECT_EQ(windows.facts.crashing.frames[0].functions[0].name, "rate");
}

TEST(PrintedOperand, IsComputed) {
  PrintedRegisters registers;
  EXPECT_TRUE(take_register_line("rax            0x10                16", registers));
  EXPECT_TRUE(take_register_line("rcx            0x3                 3", registers));
  EXPECT_FALSE(take_register_line("10\tint f();", registers));
  const auto operand = printed_operand("mov    0x38(%rax,%rcx,8),%eax", registers);
  ASSERT_TRUE(operand);
  EXPECT_EQ(operand->address.value, 0x10U + 24 + 0x38);
  EXPECT_EQ(operand->access, AccessKind::kRead);
  EXPECT_EQ(printed_operand("mov %eax,-0x8(%rax)", registers)->address.value, 8U);
  EXPECT_FALSE(printed_operand("mov (%rdx),%eax", registers));
  EXPECT_FALSE(printed_operand("call *%rax", registers));
}

TEST(DebuggerFrames, Arguments) {
  const auto variables = parse_arguments("this=0x0, f=..., v=std::vector of length 2 = {1, 2}");
  ASSERT_EQ(variables.size(), 3U);
  EXPECT_EQ(variables[2].text, "std::vector of length 2 = {1, 2}");
  EXPECT_TRUE(parse_arguments("").empty());
}

}  // namespace
}  // namespace inquest::diagnosis
