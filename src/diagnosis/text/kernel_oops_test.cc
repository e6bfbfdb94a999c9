// The kernel's own crashes, as kernels of several ages and processors print them.
#include <gtest/gtest.h>

#include "diagnosis/text/kernel_stack.h"
#include "diagnosis/text/report_test_util.h"

namespace inquest::diagnosis {
namespace {

TEST(KernelStack, ReadsFramesOfEveryAge) {
  const auto plain = parse_kernel_frame(" kbase_ioctl+0x2dc/0x111c [mali_kbase]");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->line.function, "kbase_ioctl");
  EXPECT_EQ(plain->line.module, "mali_kbase");
  EXPECT_FALSE(plain->is_guess);

  const auto guess = parse_kernel_frame("? rescuer_thread+0x741/0x741 kernel/workqueue.c:4347");
  ASSERT_TRUE(guess);
  EXPECT_TRUE(guess->is_guess);
  EXPECT_EQ(guess->line.file, "kernel/workqueue.c");
  EXPECT_EQ(guess->line.line, 4347U);

  const auto inlined = parse_kernel_frame("[<     inline     >] vfs_ioctl fs/ioctl.c:43");
  ASSERT_TRUE(inlined);
  EXPECT_EQ(inlined->line.function, "vfs_ioctl");
  EXPECT_EQ(inlined->line.file, "fs/ioctl.c");

  const auto arm = parse_kernel_frame("[<c0011234>] (f+0x8/0x40) from [<c0095e60>] (g+0x10/0x80)");
  ASSERT_TRUE(arm);
  EXPECT_EQ(arm->line.function, "f");
  EXPECT_EQ(arm->line.pc, Address(0xc0011234));

  const auto mark = parse_kernel_frame("#4 [<0x0000000000ab4a86>] _etext+0x26f10/0x31286a");
  ASSERT_TRUE(mark);
  EXPECT_EQ(mark->line.function, "");  // the linker's mark is no function

  for (const std::string_view talk : {"usb 1-1: new device", "a+b/c", "f+0x1 of g/0x2",
                                      "[<zz>] f+0x1/0x2", "[<", "? ", "#99999 [<1>] f"}) {
    EXPECT_FALSE(parse_kernel_frame(talk)) << talk;
  }
}

TEST(KernelStack, NamesTheFunctionOfTheRegisters) {
  EXPECT_EQ(parse_kernel_pc("RIP: 0010:f+0x1/0x20 fs/a.c:3")->function, "f");
  EXPECT_EQ(
      parse_kernel_pc("RIP: 0010:[<ffffffff92af056e>]  [<ffffffff92af056e>] f+0xe2/0x186")->pc,
      Address(0xffffffff92af056e));
  EXPECT_EQ(parse_kernel_pc("PC is at f+0xf4/0x400")->function, "f");
  EXPECT_EQ(parse_kernel_pc("pc : f+0x18/0x30")->function, "f");
  EXPECT_FALSE(parse_kernel_pc("LR is at f+0xf4/0x400"));
}

TEST(KernelOops, APageFaultOfANewKernelIsOneReport) {
  const TextReport report = only_report(
      "[   12.1] BUG: kernel NULL pointer dereference, address: 0000000000000008\n"
      "[   12.1] #PF: supervisor write access in kernel mode\n"
      "[   12.1] #PF: error_code(0x0002) - not-present page\n"
      "[   12.1] PGD 0 P4D 0\n"
      "[   12.1] Oops: 0002 [#1] PREEMPT SMP PTI\n"
      "[   12.1] CPU: 1 PID: 77 Comm: insmod Tainted: G           OE      6.1.0-9-amd64 #1  "
      "Debian\n"
      "[   12.1] RIP: 0010:shop_init+0x17/0x30 [shop]\n"
      "[   12.1] RSP: 0018:ffffb1 EFLAGS: 00010246\n"
      "[   12.1] Call Trace:\n"
      "[   12.1]  <TASK>\n"
      "[   12.1]  ? __die+0x23/0x70\n"
      "[   12.1]  do_one_initcall+0x59/0x210\n"
      "[   12.1]  do_init_module+0x4a/0x1f0\n"
      "[   12.1]  </TASK>\n"
      "[   12.1] ---[ end trace 0000000000000000 ]---\n"
      "[   12.2] Kernel panic - not syncing: Fatal exception\n");
  EXPECT_EQ(report.format, "kernel-oops");
  EXPECT_EQ(report.facts.reported->address, Address(8));
  EXPECT_EQ(report.facts.reported->access, AccessKind::kWrite);
  EXPECT_EQ(report.facts.process.producer, "Linux 6.1.0-9-amd64");
  EXPECT_EQ(report.facts.crashing.thread_name, "insmod");
  EXPECT_EQ(user_place(report.facts), "shop_init :0");
  ASSERT_EQ(report.facts.crashing.frames.size(), 3U);
  EXPECT_EQ(report.facts.crashing.frames[0].module, "shop");
  EXPECT_EQ(report.facts.signal.number, 0);
}

TEST(KernelOops, KasanTellsWhoAllocatedAndFreed) {
  const TextReport report = only_report(
      "==================================================================\n"
      "BUG: KASAN: use-after-free in shop_price+0x33/0x60 [shop]\n"
      "Read of size 8 at addr ffff888109a8c010 by task syz/412\n"
      "\n"
      "CPU: 0 PID: 412 Comm: syz Not tainted 6.1.0 #1\n"
      "Call Trace:\n"
      " dump_stack_lvl+0x49/0x63\n"
      " print_report+0x171/0x486\n"
      " kasan_report+0xb1/0x130\n"
      " shop_price+0x33/0x60 [shop]\n"
      " shop_ioctl+0x88/0x100 [shop]\n"
      "\n"
      "Allocated by task 411:\n"
      " kasan_save_stack+0x26/0x50\n"
      " shop_open+0x21/0x80 [shop]\n"
      "\n"
      "Freed by task 412:\n"
      " kasan_save_stack+0x26/0x50\n"
      " shop_close+0x21/0x80 [shop]\n"
      "\n"
      "==================================================================\n");
  EXPECT_EQ(report.facts.reported->error, "KASAN: use-after-free");
  EXPECT_EQ(report.facts.reported->size, 8U);
  EXPECT_EQ(user_place(report.facts), "shop_price :0");
  ASSERT_TRUE(report.facts.heap);
  const AllocationFact& object = report.facts.heap->allocations.front();
  ASSERT_TRUE(object.freed && object.allocated);
  EXPECT_EQ(object.freed->frames.back().functions.back().short_name, "shop_close");
  EXPECT_EQ(object.allocated->frames.back().functions.back().short_name, "shop_open");
}

TEST(KernelOops, TwoOopsesAreTwoReports) {
  const std::string one =
      "Unable to handle kernel paging request at virtual address dead000000000122\n"
      "Internal error: Oops: 96000044 [#1] SMP\n"
      "pc : f+0x18/0x30\n"
      "Call trace:\n"
      " f+0x18/0x30\n"
      " g+0x8/0x10\n";
  EXPECT_EQ(read_reports(one + one).reports.size(), 2U);
  EXPECT_EQ(only_report(one).facts.reported->access, AccessKind::kWrite);
}

TEST(KernelOops, TalkIsNone) {
  EXPECT_TRUE(read_reports("Oops: something went wrong\nInternal error: 500\n").reports.empty());
}

}  // namespace
}  // namespace inquest::diagnosis
