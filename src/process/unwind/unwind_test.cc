#include "process/unwind/unwind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/unwind/cycle.h"
#include "process/unwind/fake_process.h"

namespace inquest::process {
namespace {

using isa::Arch;
using testing::HasSubstr;

constexpr Address kMain = kText + 0x100, kOuter = kText + 0x200, kInner = kText + 0x300,
                  kStart = kText + 0x80;
constexpr Address kSp = kStackStart + 0x8000;

// inner ← outer ← main ← _start, frames of 0x20, 0x30 and 0x40 bytes with CFI. Stopped in inner.
struct FourFunctions : FakeProcess {
  explicit FourFunctions(Arch architecture) : FakeProcess(architecture) {
    outermost(kStart, 0x40);
    function(kMain, 0x80, 0x40);
    function(kOuter, 0x80, 0x30);
    function(kInner, 0x80, 0x20);
    in_start = call(kStart + 0x10, kMain);
    in_main = call(kMain + 0x20, kOuter);
    in_outer = call(kOuter + 0x20, kInner);
    memory.put(kSp + 0x20 - 8, in_outer.value);
    memory.put(kSp + 0x50 - 8, in_main.value);
    memory.put(kSp + 0x90 - 8, in_start.value);
    registers.set_pc(kInner + 0x10);
    registers.set_sp(kSp);
  }
  Address in_start, in_main, in_outer;
};

std::vector<Address> pcs(const Stack& stack) {
  std::vector<Address> result;
  for (const Frame& frame : stack.frames) result.push_back(frame.pc);
  return result;
}

std::string all_notes(const Stack& stack) {
  std::string text;
  for (const Note& note : stack.notes) text += note.text + "\n";
  return text;
}

TEST(UnwindTest, FollowsCfiToTheOutermostFrame) {
  for (const Arch arch : {Arch::kX86_64, Arch::kAArch64}) {
    FourFunctions process(arch);
    const Stack stack = process.walk();
    EXPECT_EQ(pcs(stack),
              (std::vector{kInner + 0x10, process.in_outer, process.in_main, process.in_start}));
    EXPECT_EQ(stack.end, StackEnd::kComplete);
    EXPECT_EQ(stack.frames[0].how, FoundBy::kContext);
    EXPECT_EQ(stack.frames[0].trust, Trust::kCertain);
    EXPECT_EQ(stack.frames[0].cfa, kSp + 0x20);
    EXPECT_TRUE(stack.frames[0].interrupted);
    EXPECT_EQ(stack.frames[1].how, FoundBy::kCfi);
    EXPECT_EQ(stack.frames[1].trust, Trust::kHigh);
    EXPECT_EQ(stack.frames[1].lookup_pc(), process.in_outer - 1);
    EXPECT_FALSE(stack.corrupt);
    EXPECT_TRUE(stack.notes.empty()) << all_notes(stack);
  }
}

TEST(UnwindTest, RegistersThatACallMayChangeAreUnknownInTheCaller) {
  FourFunctions process(Arch::kX86_64);
  process.registers.set(isa::x86::kRax, 1);
  process.registers.set(isa::x86::kRbx, 2);
  const Stack stack = process.walk();
  EXPECT_EQ(stack.frames[0].registers.get(isa::x86::kRax), 1u);
  EXPECT_EQ(stack.frames[1].registers.get(isa::x86::kRax), std::nullopt);
  EXPECT_EQ(stack.frames[1].registers.get(isa::x86::kRbx), 2u);
  EXPECT_EQ(stack.frames[1].registers.sp(), kSp + 0x20);
}

TEST(UnwindTest, ANullCallIsRecoveredFromTheReturnAddressItPushed) {
  FourFunctions process(Arch::kX86_64);
  const Address back = process.indirect_call(kInner + 0x30);
  process.registers.set_pc(Address());
  process.registers.set_sp(kSp - 8);
  process.registers.set(isa::x86::kRax, 0);
  process.memory.put(kSp - 8, back.value);
  const Stack stack = process.walk();
  ASSERT_EQ(stack.frames.size(), 5u);
  EXPECT_EQ(stack.frames[1].pc, back);
  EXPECT_EQ(stack.frames[1].how, FoundBy::kCallSite);
  EXPECT_EQ(stack.frames[1].trust, Trust::kHigh);
  EXPECT_EQ(stack.frames[1].registers.get(isa::x86::kRax),
            0u);  // nothing ran since: all registers are known
  EXPECT_EQ(stack.end, StackEnd::kComplete);
  EXPECT_FALSE(stack.corrupt);
}

TEST(UnwindTest, ANullCallOnAArch64IsRecoveredFromTheLinkRegister) {
  FourFunctions process(Arch::kAArch64);
  const Address back = process.indirect_call(kInner + 0x30);
  process.registers.set_pc(Address());
  process.registers.set(isa::a64::kLr, back.value);
  const Stack stack = process.walk();
  ASSERT_EQ(stack.frames.size(), 5u);
  EXPECT_EQ(stack.frames[1].pc, back);
  EXPECT_EQ(stack.frames[1].how, FoundBy::kCallSite);
}

TEST(UnwindTest, AnOverwrittenReturnAddressIsNamedAndCallersAreScannedFor) {
  FourFunctions process(Arch::kX86_64);
  process.memory.put(kSp + 0x18, 0x4141414141414141);
  const Stack stack = process.walk();
  EXPECT_TRUE(stack.corrupt);
  EXPECT_THAT(all_notes(stack), HasSubstr(to_hex(kSp + 0x18)));
  EXPECT_THAT(all_notes(stack), HasSubstr("\"AAAAAAAA\""));
  ASSERT_GE(stack.frames.size(), 2u);
  EXPECT_EQ(stack.frames[1].pc, process.in_main);  // the call of outer, whose own frame is gone
  EXPECT_EQ(stack.frames[1].how, FoundBy::kScan);
  EXPECT_EQ(stack.frames[1].trust, Trust::kLow);
  EXPECT_EQ(stack.frames[2].how, FoundBy::kCfi);
  EXPECT_EQ(stack.frames[2].trust, Trust::kMedium);
}

TEST(UnwindTest, AReturnIntoGarbageIsToldFromACallOfGarbage) {
  FourFunctions process(Arch::kX86_64);
  process.memory.put(kSp + 0x18, 0x4242424242);
  process.registers.set_pc(Address(0x4242424242));
  process.registers.set_sp(kSp + 0x20);
  const Stack stack = process.walk();
  EXPECT_TRUE(stack.corrupt);
  EXPECT_THAT(all_notes(stack),
              HasSubstr("the return address at " + to_hex(kSp + 0x18) + " was overwritten"));
  ASSERT_GE(stack.frames.size(), 2u);
  EXPECT_EQ(stack.frames[1].pc, process.in_main);
}

TEST(UnwindTest, SignalFramesGiveBackEveryRegister) {
  FourFunctions process(Arch::kX86_64);
  const Address trampoline = kText + 0x1000, handler = kText + 0x2000;
  process.code(trampoline, {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05});
  process.function(handler, 0x40, 0x10);
  const Address context = kSp - 0x1000;                  // where sp is in the trampoline
  process.memory.put(context + 40 + 8 * 13, 77);         // rax
  process.memory.put(context + 40 + 8 * 15, kSp.value);  // rsp
  process.memory.put(context + 40 + 8 * 16, (kInner + 0x10).value);  // rip
  process.memory.put(context - 8, trampoline.value);
  process.registers.set_pc(handler + 4);
  process.registers.set_sp(context - 0x10);
  const Stack stack = process.walk();
  ASSERT_EQ(stack.frames.size(), 6u);
  EXPECT_TRUE(stack.frames[1].is_signal_handler_return);
  EXPECT_EQ(stack.frames[1].lookup_pc(), trampoline);
  EXPECT_EQ(stack.frames[2].pc, kInner + 0x10);
  EXPECT_EQ(stack.frames[2].how, FoundBy::kSignalFrame);
  EXPECT_TRUE(stack.frames[2].interrupted);
  EXPECT_EQ(stack.frames[2].lookup_pc(), kInner + 0x10);
  EXPECT_EQ(stack.frames[2].registers.get(isa::x86::kRax), 77u);
  EXPECT_EQ(stack.frames[3].pc, process.in_outer);
  EXPECT_EQ(stack.end, StackEnd::kComplete);
}

TEST(UnwindTest, SignalFramesOnAArch64AreKnownByTheirCode) {
  FourFunctions process(Arch::kAArch64);
  const Address trampoline = kText + 0x1000, handler = kText + 0x2000;
  process.code(trampoline, {0x68, 0x11, 0x80, 0xd2, 0x01, 0, 0, 0xd4});
  process.function(handler, 0x40, 0x10);
  const Address frame = kSp - 0x1000;
  const Address saved = frame + 312;
  process.memory.put(saved + 8 * 5, 55);
  process.memory.put(saved + 8 * 31, kSp.value);
  process.memory.put(saved + 8 * 32, (kInner + 0x10).value);
  process.memory.put(frame - 8, trampoline.value);
  process.registers.set_pc(handler + 4);
  process.registers.set_sp(frame - 0x10);
  const Stack stack = process.walk();
  ASSERT_EQ(stack.frames.size(), 6u);
  EXPECT_EQ(stack.frames[2].pc, kInner + 0x10);
  EXPECT_EQ(stack.frames[2].registers.get(5), 55u);
}

TEST(UnwindTest, FramePointersCarryOverCodeWithoutCfi) {
  for (const Arch arch : {Arch::kX86_64, Arch::kAArch64}) {
    FourFunctions process(arch);
    // Two frames of generated code between inner and outer.
    const Address jit = kText + 0x8000;
    const Address in_jit = process.indirect_call(jit + 0x20);
    process.memory.put(kSp + 0x18, in_jit.value);
    const Address first = kSp + 0x100, second = kSp + 0x180;
    process.registers.set(isa::fp_register(arch), first.value);
    process.memory.put(first, second.value);
    process.memory.put(first + 8, in_jit.value);
    process.memory.put(second, 0);
    process.memory.put(second + 8, process.in_outer.value);
    const Stack stack = process.walk();
    ASSERT_GE(stack.frames.size(), 4u);
    EXPECT_EQ(stack.frames[1].pc, in_jit);
    EXPECT_EQ(stack.frames[2].pc, in_jit);
    EXPECT_EQ(stack.frames[2].how, FoundBy::kFramePointer);
    EXPECT_EQ(stack.frames[2].trust, Trust::kMedium);
    EXPECT_EQ(stack.frames[3].pc, process.in_outer);
  }
}

TEST(UnwindTest, AtAFunctionsFirstInstructionTheReturnAddressIsOnTopOfTheStack) {
  FourFunctions process(Arch::kX86_64);
  const Address bare = kText + 0x9000;
  process.code(bare, {0x55, 0x48, 0x89, 0xe5});
  const Address back = process.call(kInner + 0x30, bare);
  process.memory.put(kSp - 8, back.value);
  process.registers.set_pc(bare);
  process.registers.set_sp(kSp - 8);
  const Stack at_push = process.walk();
  ASSERT_EQ(at_push.frames.size(), 5u);
  EXPECT_EQ(at_push.frames[1].how, FoundBy::kPrologue);
  EXPECT_EQ(at_push.frames[1].pc, back);

  process.registers.set_pc(bare + 1);
  process.registers.set_sp(kSp - 16);
  const Stack at_mov = process.walk();
  ASSERT_EQ(at_mov.frames.size(), 5u);
  EXPECT_EQ(at_mov.frames[1].pc, back);
}

TEST(UnwindTest, ScanningPrefersTheCallOfTheFunctionItIsIn) {
  FourFunctions process(Arch::kX86_64);
  const Address bare = kText + 0x9000;
  const Address back = process.call(kInner + 0x30, bare);
  const Address stale = process.indirect_call(kOuter + 0x40);
  process.memory.put(kSp - 0x20, stale.value);
  process.memory.put(kSp - 8, back.value);
  process.registers.set_pc(bare + 0x10);
  process.registers.set_sp(kSp - 0x40);
  const Stack stack = process.walk();
  ASSERT_EQ(stack.frames.size(), 5u);
  EXPECT_EQ(stack.frames[1].pc, back);
  EXPECT_EQ(stack.frames[1].how, FoundBy::kScan);
}

TEST(UnwindTest, SignalFramesAreFoundByScanningToo) {
  FourFunctions process(Arch::kX86_64);
  const Address trampoline = kText + 0x1000, handler = kText + 0x9000;  // no CFI for either
  process.code(trampoline, {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05});
  const Address context = kSp - 0x1000;
  process.memory.put(context + 40 + 8 * 15, kSp.value);
  process.memory.put(context + 40 + 8 * 16, (kInner + 0x10).value);
  process.memory.put(context + 40 + 8 * 18, 0x2b000000000033);  // cs, ss
  process.memory.put(context - 8, trampoline.value);
  process.registers.set_pc(handler + 4);
  process.registers.set_sp(context - 0x40);
  const Stack stack = process.walk();
  ASSERT_EQ(stack.frames.size(), 6u);
  EXPECT_TRUE(stack.frames[1].is_signal_handler_return);
  EXPECT_EQ(stack.frames[1].how, FoundBy::kScan);
  EXPECT_EQ(stack.frames[2].pc, kInner + 0x10);
  EXPECT_TRUE(stack.frames[2].interrupted);
}

TEST(UnwindTest, SignalFramesAreKnownBehindAHandlersFramePointerToo) {
  FourFunctions process(Arch::kX86_64);
  const Address trampoline = kText + 0x1000, handler = kText + 0x9000;  // no CFI for either
  process.code(trampoline, {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05});
  const Address context = kSp - 0x1000;
  process.memory.put(context + 40 + 8 * 15, kSp.value);
  process.memory.put(context + 40 + 8 * 16, (kInner + 0x10).value);
  process.memory.put(context + 40 + 8 * 18, 0x2b000000000033);  // cs, ss
  process.memory.put(context - 16, (kSp + 0x100).value);        // rbp of the interrupted code
  process.memory.put(kSp + 0x100, (kSp + 0x200).value);
  process.memory.put(kSp + 0x108, process.in_main.value);
  process.memory.put(context - 8, trampoline.value);
  process.registers.set_pc(handler + 4);
  process.registers.set_sp(context - 0x40);
  process.registers.set(isa::x86::kRbp, (context - 16).value);
  const Stack stack = process.walk();
  ASSERT_GE(stack.frames.size(), 3u);
  EXPECT_EQ(stack.frames[1].how, FoundBy::kFramePointer);
  EXPECT_TRUE(stack.frames[1].is_signal_handler_return);
  EXPECT_EQ(stack.frames[2].pc, kInner + 0x10);
  EXPECT_TRUE(stack.frames[2].interrupted);
}

TEST(UnwindTest, AnOverwrittenReturnAddressIsSeenAtTheReturnWithoutCfi) {
  FourFunctions process(Arch::kX86_64);
  const Address bare = kText + 0x9000;
  process.code(bare, {0xc3});
  process.memory.put(kSp - 8, 0x4141414141414141);
  process.registers.set_pc(bare);
  process.registers.set_sp(kSp - 8);
  const Stack stack = process.walk();
  EXPECT_TRUE(stack.corrupt);
  EXPECT_THAT(all_notes(stack),
              HasSubstr("the return address at " + to_hex(kSp - 8) + " was overwritten"));
  ASSERT_GE(stack.frames.size(), 2u);
  EXPECT_EQ(stack.frames[1].how, FoundBy::kScan);
}

TEST(UnwindTest, AStackSetUpByHandEndsAtTheFunctionThatWasPutThere) {
  FakeProcess process(Arch::kX86_64);
  process.function(kInner, 0x80, 0x20);
  process.function(kOuter, 0x80, 0x20);  // as __start_context: never called
  process.memory.put(kSp + 0x18, kOuter.value);
  process.registers.set_pc(kInner + 0x10);
  process.registers.set_sp(kSp);
  const Stack stack = process.walk();
  EXPECT_EQ(pcs(stack), (std::vector{kInner + 0x10, kOuter}));
  EXPECT_EQ(stack.frames[1].lookup_pc(), kOuter);
  EXPECT_EQ(stack.end, StackEnd::kComplete);
  EXPECT_FALSE(stack.corrupt);
}

TEST(UnwindTest, AReturnAddressOfZeroEndsTheStackWhenNothingFollows) {
  FakeProcess process(Arch::kX86_64);
  process.function(kInner, 0x80, 0x20);
  process.registers.set_pc(kInner + 0x10);
  process.registers.set_sp(kSp);
  const Stack stack = process.walk();
  EXPECT_EQ(stack.frames.size(), 1u);
  EXPECT_EQ(stack.end, StackEnd::kComplete);
}

// V8 writes the start of its interpreter where the return address into given-up code stood.
TEST(UnwindTest, FramePointersCarryOverReturnAddressesThatWereRewritten) {
  FakeProcess process(Arch::kX86_64);
  constexpr Address kRewritten = kText + 0x400, kAgain = kText + 0x480;
  process.outermost(kStart, 0x40);
  const Address called = process.call(kStart + 0x10, kMain);
  constexpr Address kFirst = kSp + 0x20, kSecond = kSp + 0x60, kThird = kSp + 0xa0;
  process.memory.put(kFirst, kSecond.value);
  process.memory.put(kFirst + 8, kRewritten.value);
  process.memory.put(kSecond, kThird.value);
  process.memory.put(kSecond + 8, kAgain.value);
  process.memory.put(kThird, 0);
  process.memory.put(kThird + 8, called.value);
  process.registers.set_pc(kInner + 0x10);
  process.registers.set_sp(kSp);
  process.registers.set(isa::x86::kRbp, kFirst.value);
  const std::vector<Address> whole{kInner + 0x10, kRewritten, kAgain, called};
  const Stack stack = process.walk();
  EXPECT_EQ(pcs(stack), whole);
  EXPECT_EQ(stack.frames[1].lookup_pc(), kRewritten);  // not the function before it
  // A chain that leads to no call proves nothing.
  process.memory.put(kThird + 8, (kText + 0x500).value);
  EXPECT_THAT(pcs(process.walk()), testing::Not(testing::Contains(kRewritten)));
}

TEST(UnwindTest, ABadStackPointerFallsBackToTheFramePointer) {
  FourFunctions process(Arch::kX86_64);
  process.memory.put(kSp + 0x100, 0);
  process.memory.put(kSp + 0x108, process.in_outer.value);
  process.registers.set_sp(Address(0x1234560));
  process.registers.set(isa::x86::kRbp, kSp.value + 0x100);
  const Stack stack = process.walk();
  EXPECT_TRUE(stack.corrupt);
  ASSERT_GE(stack.frames.size(), 2u);
  EXPECT_EQ(stack.frames[1].pc, process.in_outer);
  EXPECT_EQ(stack.frames[1].how, FoundBy::kFramePointer);
}

TEST(UnwindTest, AFrameRecordGivesTheStackPointerOfItsOwner) {
  FourFunctions process(Arch::kAArch64);
  // outer keeps its record at sp, as gcc does: x29, x30 at CFA − 0x30 and CFA − 0x28.
  dwarf::CfiRow row;
  row.return_register = 30;
  row.cfa = {.kind = dwarf::CfaRule::Kind::kRegister, .reg = isa::a64::kSp, .offset = 0x30};
  row.rules = {{.kind = dwarf::RegisterRule::Kind::kAtCfa, .reg = 29, .offset = -0x30},
               {.kind = dwarf::RegisterRule::Kind::kAtCfa, .reg = 30, .offset = -0x28}};
  process.cfi.add(kOuter, 0x80, row);
  const Address bare = kText + 0x8000, outer_sp = kSp + 0x200;
  process.memory.put(outer_sp, 0);
  process.memory.put(outer_sp + 8, process.in_main.value);
  process.memory.put(kSp, outer_sp.value);
  process.memory.put(kSp + 8, process.in_outer.value);
  process.registers.set_pc(bare + 8);
  process.registers.set_sp(kSp);
  process.registers.set(isa::a64::kFp, kSp.value);
  const Stack stack = process.walk();
  ASSERT_GE(stack.frames.size(), 3u);
  EXPECT_EQ(stack.frames[1].how, FoundBy::kFramePointer);
  EXPECT_EQ(stack.frames[1].cfa, outer_sp + 0x30);
  EXPECT_EQ(stack.frames[2].pc, process.in_main);
  EXPECT_EQ(stack.frames[2].how, FoundBy::kCfi);
}

TEST(UnwindTest, WordsThatFollowNoCallAreNoReturnAddresses) {
  FakeProcess process(Arch::kX86_64);
  for (uint64_t i = 0; i < 100; ++i) process.memory.put(kSp + 8 * i, (kText + 0x100 + i).value);
  process.registers.set_pc(kText + 0x4000);
  process.registers.set_sp(kSp);
  const Stack stack = process.walk();
  EXPECT_EQ(stack.frames.size(), 1u);
  EXPECT_EQ(stack.end, StackEnd::kNoMoreFrames);
  EXPECT_FALSE(stack.notes.empty());
}

TEST(UnwindTest, AMissingStackPageIsNamedWithItsReason) {
  FourFunctions process(Arch::kX86_64);
  const Address lost = kStackStart + 0x100000;
  process.image.mappings.push_back(
      {.range = {lost, lost + 0x1000}, .protection = Protection{true, true, false}});
  process.memory.lose({lost, lost + 0x1000}, Missing::kTruncated);
  process.registers.set_sp(lost + 0x100);
  const Stack stack = process.walk();
  EXPECT_EQ(stack.frames.size(), 1u);
  EXPECT_EQ(stack.end, StackEnd::kMissingMemory);
  EXPECT_THAT(all_notes(stack), HasSubstr("truncated"));
  EXPECT_THAT(all_notes(stack), HasSubstr(to_hex(lost + 0x118)));
}

TEST(UnwindTest, AStackThatDoesNotGrowIsCorrupt) {
  FourFunctions process(Arch::kX86_64);
  process.function(kInner, 0x80, -0x40);  // leads downwards
  process.memory.put(kSp - 0x48, process.in_outer.value);
  const Stack stack = process.walk();
  EXPECT_EQ(stack.end, StackEnd::kCorrupt);
  EXPECT_TRUE(stack.corrupt);
}

TEST(UnwindTest, AuthenticationCodesAreStrippedFromReturnAddresses) {
  FourFunctions process(Arch::kAArch64);
  process.memory.put(kSp + 0x18, process.in_outer.value | 0x00a5'0000'0000'0000);
  const Stack stack = process.walk();
  ASSERT_EQ(stack.frames.size(), 4u);
  EXPECT_EQ(stack.frames[1].pc, process.in_outer);
}

TEST(UnwindTest, AReturnAddressThatFollowsNoCallIsSaidToBeOverwritten) {
  FourFunctions process(Arch::kX86_64);
  process.memory.put(kSp + 0x18, (kOuter + 0x51).value);  // somewhere in outer
  const Stack stack = process.walk();
  EXPECT_TRUE(stack.corrupt);
  EXPECT_EQ(stack.frames.at(1).trust, Trust::kLow);
  EXPECT_THAT(all_notes(stack), HasSubstr("does not follow a call"));
}

// expr ↔ term, called from main: the deepest frame is in expr.
struct Recursion : FakeProcess {
  Recursion(uint64_t rounds, uint64_t stack_size) : FakeProcess(Arch::kX86_64, stack_size) {
    outermost(kStart, 0x40);
    function(kMain, 0x80, 0x10);
    function(kOuter, 0x80, 0x20);
    function(kInner, 0x80, 0x10);
    const Address in_start = call(kStart + 0x10, kMain), in_main = call(kMain + 0x20, kOuter);
    const Address in_expr = call(kOuter + 0x20, kInner), in_term = call(kInner + 0x20, kOuter);
    Address sp = kStackStart + 0x100;
    registers.set_pc(kOuter + 0x10);
    registers.set_sp(sp);
    for (uint64_t i = 0; i < rounds; ++i) {
      memory.put(sp + 0x18, in_term.value);
      memory.put(sp + 0x28, in_expr.value);
      sp = sp + 0x30;
    }
    memory.put(sp + 0x18, in_main.value);
    memory.put(sp + 0x28, in_start.value);
  }
};

TEST(UnwindTest, DeepRecursionIsFoldedToOneRound) {
  Recursion process(20'000, 0x100000);
  const Stack stack = process.walk();
  EXPECT_EQ(stack.total_frames, 40'003u);
  ASSERT_TRUE(stack.cycle);
  EXPECT_EQ(stack.cycle->first, 1u);
  EXPECT_EQ(stack.cycle->period, 2u);
  EXPECT_EQ(stack.cycle->count, 20'000u);
  EXPECT_EQ(stack.end, StackEnd::kComplete);
  ASSERT_EQ(stack.frames.size(), 5u);
  EXPECT_EQ(stack.frames[4].cfa, kStackStart + 0x100 + 0x30 * 20'000 + 0x20 + 0x10 + 8);
}

TEST(UnwindTest, ShortRecursionIsShownAsItIs) {
  Recursion process(20, 0x10000);
  const Stack stack = process.walk();
  EXPECT_FALSE(stack.cycle);
  EXPECT_EQ(stack.frames.size(), stack.total_frames);
}

TEST(UnwindTest, TheFrameLimitIsSaid) {
  Recursion process(1'000, 0x10000);
  const Stack stack = process.walk({.max_frames = 100});
  EXPECT_EQ(stack.total_frames, 100u);
  EXPECT_EQ(stack.end, StackEnd::kFrameLimit);
}

TEST(CycleTest, FindsTheShortestPeriodOfTheLongestStretch) {
  std::vector<uint64_t> pcs = {1, 2, 3};
  for (int i = 0; i < 100; ++i) pcs.insert(pcs.end(), {10, 11, 12});
  pcs.insert(pcs.end(), {10, 4, 5});
  const auto cycle = find_cycle(pcs);
  ASSERT_TRUE(cycle);
  EXPECT_EQ(cycle->first, 3u);
  EXPECT_EQ(cycle->period, 3u);
  EXPECT_EQ(cycle->count, 100u);
}

TEST(CycleTest, ALongPeriodIsFoundToo) {
  std::vector<uint64_t> pcs;
  for (uint64_t round = 0; round < 50; ++round) {
    for (uint64_t i = 0; i < kMaxPeriod; ++i) pcs.push_back(i * i);
  }
  EXPECT_EQ(find_cycle(pcs)->period, kMaxPeriod);
}

TEST(CycleTest, StacksWithoutRepetitionAreLeftAlone) {
  std::vector<uint64_t> pcs;
  for (uint64_t i = 0; i < 1000; ++i) pcs.push_back(i * 7919 % 1009);
  EXPECT_FALSE(find_cycle(pcs));
  EXPECT_FALSE(find_cycle({}));
}

TEST(UnwindTest, TheMiddleOfADeepStackThatDoesNotRepeatIsLeftOut) {
  FakeProcess process(Arch::kX86_64, 0x40000);
  process.function(kText + 0x100, 0x8000, 0x10);
  process.outermost(kText, 0x100);
  const Address in_start = process.call(kText + 0x40, kText + 0x100);
  std::vector<Address> calls;
  for (uint64_t i = 0; i < 1009; ++i)
    calls.push_back(process.call(kText + 0x100 + 8 * i, kText + 0x100));
  const uint64_t depth = 5'000;
  uint64_t state = 1;
  for (uint64_t i = 0; i < depth; ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    process.memory.put(kStackStart + 0x100 + 0x10 * i + 8,
                       calls[(state >> 33) % calls.size()].value);
  }
  process.memory.put(kStackStart + 0x100 + 0x10 * depth + 8, in_start.value);
  process.registers.set_pc(kText + 0x200);
  process.registers.set_sp(kStackStart + 0x100);
  const Stack all = process.walk({.max_kept = 10'000});
  const Stack stack = process.walk({.max_kept = 1'000});
  ASSERT_EQ(all.frames.size(), depth + 2);
  EXPECT_EQ(stack.total_frames, depth + 2);
  ASSERT_EQ(stack.frames.size(), 1'000u);
  ASSERT_TRUE(stack.omitted);
  EXPECT_EQ(stack.omitted->count, depth + 2 - 1'000);
  const size_t before = stack.omitted->before;
  EXPECT_EQ(stack.frames[before - 1].cfa, all.frames[before - 1].cfa);
  EXPECT_EQ(stack.frames[before].cfa, all.frames[before + stack.omitted->count].cfa);
  EXPECT_EQ(stack.frames.back().pc, in_start);
}

}  // namespace
}  // namespace inquest::process
