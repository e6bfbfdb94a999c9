#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "diagnosis/text/scanner.h"

namespace inquest::diagnosis {
namespace {

using process::KernelCrash;

std::vector<TextReport> read(std::string_view text) { return read_reports(text).reports; }

TEST(KernelFault, NewSpelling) {
  const auto reports = read(
      "[ 4035.249974] late[19608]: segfault at 38 ip 000055b1650ed15d sp 00007fff0fc81b30 error 4 "
      "in late[115d,55b1650ed000+1000] likely on CPU 0 (core 0, socket 0)\n"
      "[ 4035.249988] Code: 77 ff ff ff 48 8b 47 08 <8b> 40 38 0f af 07 c3\n");
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].last_line, 2u);
  ASSERT_TRUE(reports[0].kernel);
  const KernelCrash& crash = *reports[0].kernel;
  EXPECT_EQ(crash.command, "late");
  EXPECT_EQ(crash.tid, 19608);
  EXPECT_EQ(crash.module, "late");
  EXPECT_EQ(crash.mapping->start, Address(0x55b1650ed000));
  EXPECT_EQ(crash.mapping->size(), 0x1000u);
  EXPECT_EQ(crash.file_offset, 0x1000u);
  EXPECT_EQ(crash.signal.address, Address(0x38));
  EXPECT_EQ(crash.wanted, KernelCrash::Wanted::kRead);
  EXPECT_EQ(crash.page_present, false);
  EXPECT_EQ(crash.code.size(), 15u);
  EXPECT_EQ(crash.code_start, Address(0x55b1650ed155));
}

TEST(KernelFault, OldSpellingAndOddNames) {
  const auto reports = read(
      "Web Content [x][31337]: segfault at 7f2a ip 00007f2b08d9e1f2 sp 00007ffd1c error 6 in "
      "lib [odd] name.so[7f2b08d00000+1c0000]\n");
  ASSERT_EQ(reports.size(), 1u);
  const KernelCrash& crash = *reports[0].kernel;
  EXPECT_EQ(crash.command, "Web Content [x]");
  EXPECT_EQ(crash.module, "lib [odd] name.so");
  EXPECT_FALSE(crash.file_offset);
  EXPECT_EQ(crash.wanted, KernelCrash::Wanted::kWrite);
}

TEST(KernelFault, Traps) {
  const auto reports = read(
      "traps: node[13311] trap int3 ip:2155a72 sp:7fffc8bc3980 error:0 in "
      "node[1d55a72,b72000+1a8c000]\n"
      "traps: app[7] general protection fault ip:401136 sp:7ffd8 error:0 in app[401000+1000]\n"
      "app[8] general protection ip:401136 sp:7ffd8 error:0 in app[400000+1000]\n"
      "traps: app[9] trap divide error ip:401136 sp:7ffd8 error:0\n"
      "traps: app[10] trap invalid opcode ip:401136 sp:7ffd8 error:0 in app[401000+1000]\n");
  std::vector<int> signals;
  for (const TextReport& report : reports) signals.push_back(report.kernel->signal.number);
  EXPECT_THAT(signals, testing::ElementsAre(5, 11, 11, 8, 4));
  EXPECT_EQ(reports[0].kernel->file_offset, 0x772000u);
}

TEST(KernelFault, CodeThatMayBeAnothersIsNotTaken) {
  const std::string a = "a[1]: segfault at 0 ip 401000 sp 7ffd8 error 4 in a[401000+1000]\n";
  const std::string b = "b[2]: segfault at 0 ip 401000 sp 7ffd8 error 4 in b[401000+1000]\n";
  const std::string code = "Code: <8b> 07\n";
  auto reports = read(a + b + code + code);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_TRUE(reports[0].kernel->code.empty());
  EXPECT_TRUE(reports[1].kernel->code.empty());
  reports = read(a + "other\n" + code + b + code);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_FALSE(reports[0].kernel->code.empty());
  EXPECT_FALSE(reports[1].kernel->code.empty());
}

TEST(KernelFault, AArch64OldSpelling) {
  const auto reports = read(
      "[   71.1] app[1234]: unhandled level 2 translation fault (11) at 0x00000038, esr "
      "0x92000046, in app[aaaad5d10000+1000]\n"
      "[   71.1] CPU: 0 PID: 1234 Comm: app Not tainted 5.4.0 #1\n"
      "[   71.1] Hardware name: linux,dummy-virt (DT)\n"
      "[   71.1] pstate: 60001000 (nZCv daif -PAN -UAO)\n"
      "[   71.1] pc : 0000aaaad5d10754\n"
      "[   71.1] lr : 0000aaaad5d10770\n"
      "[   71.1] sp : 0000ffffc8d7e5b0\n"
      "[   71.1] x29: 0000ffffc8d7e5b0 x28: 0000000000000000 \n"
      "[   71.1] x1 : 0000000000000001 x0 : 0000000000000000 \n"
      "[   72.0] next\n");
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].last_line, 9u);
  const KernelCrash& crash = *reports[0].kernel;
  EXPECT_EQ(crash.registers.arch(), isa::Arch::kAArch64);
  EXPECT_EQ(crash.registers.pc(), Address(0xaaaad5d10754));
  EXPECT_EQ(crash.registers.sp(), Address(0xffffc8d7e5b0));
  EXPECT_EQ(crash.registers.get(isa::a64::kX0), 0u);
  EXPECT_EQ(crash.registers.get(isa::a64::kLr), 0xaaaad5d10770u);
  EXPECT_EQ(crash.signal.number, 11);
  EXPECT_EQ(crash.wanted, KernelCrash::Wanted::kWrite);
  EXPECT_EQ(crash.module, "app");
}

TEST(KernelFault, AArch64NewSpelling) {
  const auto reports = read(
      "app[1234]: unhandled exception: DABT (lower EL), ESR 0x0000000092000006, level 2 "
      "translation fault in app[754,aaaad5d10000+1000]\n"
      "pc : 0000aaaad5d10754\n");
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].kernel->signal.number, 11);
  EXPECT_EQ(reports[0].kernel->file_offset, 0u);
  EXPECT_FALSE(reports[0].kernel->signal.address);
}

TEST(KernelFault, TalkIsNoCrash) {
  EXPECT_TRUE(read("a guide says: app[1]: segfault at night\n").empty());
  // The kernel's own fault is another kind of report.
  EXPECT_EQ(read("general protection fault: 0000 [#1] SMP NOPTI\n").at(0).format, "kernel-oops");
  EXPECT_TRUE(read("traps: all about them\n").empty());
  EXPECT_TRUE(read("app[1]: unhandled promise in app[1+1]\n").empty());
}

TEST(KernelNotes, AuditAndSuppressed) {
  const auto reports = read(
      "audit: type=1701 audit(1700000000.123:45): auid=1000 uid=1000 gid=1000 ses=2 pid=1234 "
      "comm=666F6F20 exe=\"/usr/bin/foo\" sig=11 res=1\n"
      "show_signal_msg: 42 callbacks suppressed\n"
      "net_ratelimit: 42 callbacks suppressed\n");
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].facts.process.command, "foo ");
  EXPECT_EQ(reports[0].facts.process.executable, "/usr/bin/foo");
  EXPECT_EQ(reports[0].facts.signal.name, "SIGSEGV");
  EXPECT_THAT(reports[1].remark, testing::HasSubstr("42"));
}

TEST(OomKill, ACgroupsLimit) {
  const auto reports = read(
      "[  9.1] python3 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, "
      "oom_score_adj=0\n"
      "[  9.1] CPU: 1 PID: 77 Comm: python3 Not tainted 6.1.0 #1\n"
      "[  9.1] Call Trace:\n"
      "[  9.1]  dump_stack+0x1/0x2\n"
      "[  9.1] memory: usage 524288kB, limit 524288kB, failcnt 61\n"
      "[  9.1] Tasks state (memory values in pages):\n"
      "[  9.1] [  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj "
      "name\n"
      "[  9.1] [     77]     0    77   262144   130000  1100000        0             0 python3\n"
      "[  9.1] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
      "oom_memcg=/docker/ab,task_memcg=/docker/ab,task=python3,pid=77,uid=0\n"
      "[  9.1] Memory cgroup out of memory: Killed process 77 (python3) total-vm:1048576kB, "
      "anon-rss:519000kB, file-rss:1000kB, shmem-rss:0kB, UID:0 pgtables:1100kB "
      "oom_score_adj:0\n"
      "[  9.2] oom_reaper: reaped process 77 (python3), now anon-rss:0kB\n");
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].first_line, 1u);
  EXPECT_EQ(reports[0].last_line, 11u);
  EXPECT_EQ(reports[0].facts.process.command, "python3");
  EXPECT_EQ(reports[0].facts.process.pid, 77);
  EXPECT_EQ(reports[0].facts.reported->summary,
            "not a segfault: the kernel killed it because the memory cgroup /docker/ab reached "
            "its limit of 512 MiB; it held 507 MiB of memory; the allocation that could not be "
            "served was its own");
}

TEST(Supervisor, OneLineEach) {
  const auto reports = read(
      "[2026-11-21 11:39:01 +0000] [1] [ERROR] Worker (pid:123) was sent SIGSEGV!\n"
      "systemd[1]: foo.service: Main process exited, code=dumped, status=6/ABRT\n"
      "DAMN ! worker 1 (pid: 124) died, killed by signal 11 :( trying respawn ...\n"
      "./run.sh: line 3:  1234 Segmentation fault      (core dumped) ./app --fast\n"
      "web-1 exited with code 139\n"
      "web-1 exited with code 1\n"
      "bar.service: Main process exited, code=killed, status=15/TERM\n");
  std::vector<std::string> found;
  for (const TextReport& report : reports) {
    found.push_back(report.facts.process.command + " " + std::to_string(report.facts.process.pid) +
                    " " + report.facts.signal.name);
  }
  EXPECT_THAT(found, testing::ElementsAre(" 123 SIGSEGV", "foo.service 0 SIGABRT", " 124 SIGSEGV",
                                          "app 1234 SIGSEGV", "web-1 0 SIGSEGV"));
}

TEST(CoredumpMessage, StacksAreRead) {
  const auto reports = read(
      "systemd-coredump[99]: [*] Process 456 (foo) of user 1000 dumped core.\n"
      "\n"
      "Module libfoo.so from deb foo-1.2-3.amd64\n"
      "Stack trace of thread 456:\n"
      "#0  0x00007f1c2a83bef5 raise (libc.so.6 + 0x38ef5)\n"
      "#1  0x000055d0a1b3c139 main (foo + 0x1139)\n"
      "\n"
      "Stack trace of thread 457:\n"
      "#0  0x00007f1c2a83bef5 n/a (libc.so.6 + 0x38ef5)\n"
      "ELF object binary architecture: AMD x86-64\n");
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].last_line, 9u);
  const Facts& facts = reports[0].facts;
  EXPECT_EQ(facts.process.command, "foo");
  ASSERT_EQ(facts.crashing.frames.size(), 2u);
  EXPECT_EQ(facts.user_frame, 1u);
  EXPECT_EQ(facts.crashing.frames[1].module_offset, 0x1139u);
  EXPECT_EQ(facts.others.size(), 1u);
}

}  // namespace
}  // namespace inquest::diagnosis
