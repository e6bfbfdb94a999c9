#include <gtest/gtest.h>

#include "binary/isa/describe.h"
#include "binary/isa/hex_test_util.h"

namespace inquest::isa {
namespace {

std::vector<std::string> steps(Arch arch, std::string_view hex) {
  const auto instruction = decode(arch, from_hex(hex), Address(0x1000));
  if (!instruction.ok()) return {instruction.error().message()};
  std::vector<std::string> out;
  for (const Instruction& step : steps_of(*instruction)) {
    EXPECT_EQ(step.pc, instruction->pc);
    EXPECT_EQ(step.length, instruction->length);
    std::string text = describe(arch, step);
    out.push_back(text.substr(text.find(" | ") + 3));
  }
  return out;
}

using Lines = std::vector<std::string>;

TEST(StepsOf, APairIsTwoTransfers) {
  EXPECT_EQ(steps(Arch::kAArch64, "039042a9"),  // ldp x3, x4, [x0, #0x28]
            (Lines{"read 8 [x0+0x28] | r:x0 w:x3 | = memory:64",
                   "read 8 [x0+0x30] | r:x0 w:x4 | = memory:64"}));
  EXPECT_EQ(steps(Arch::kAArch64, "e17f01a9"),  // stp x1, xzr, [sp, #0x10]
            (Lines{"write 8 [sp+0x10] | r:sp,x1", "write 8 [sp+0x18] | r:sp"}));
}

TEST(StepsOf, TheRegisterThatIsTheBaseIsLoadedLast) {
  EXPECT_EQ(steps(Arch::kAArch64, "000440a9"),  // ldp x0, x1, [x0]
            (Lines{"read 8 [x0+0x8] | r:x0 w:x1 | = memory:64",
                   "read 8 [x0] | r:x0 w:x0 | = memory:64"}));
}

TEST(StepsOf, TheBaseMovesAfterTheAccess) {
  const Lines pushed = steps(Arch::kAArch64, "fd7bbea9");  // stp x29, x30, [sp, #-0x20]!
  ASSERT_EQ(pushed.size(), 3u);
  EXPECT_EQ(pushed[1], "write 8 [sp-0x18] | r:sp,x30");
  EXPECT_EQ(pushed[2], "r:sp w:sp | = &[sp-0x20]");
  const Lines popped = steps(Arch::kAArch64, "fe0741f8");  // ldr x30, [sp], #0x10
  EXPECT_EQ(popped, (Lines{"read 8 [sp] | r:sp w:x30 | = memory:64", "r:sp w:sp | = &[sp+0x10]"}));
}

TEST(StepsOf, WhatStoresSaysWhichRegisterEachHalfKeeps) {
  const auto pair = decode(Arch::kAArch64, from_hex("e17f01a9"), Address(0x1000));
  ASSERT_TRUE(pair.ok());
  const auto halves = steps_of(*pair);
  ASSERT_EQ(halves.size(), 2u);
  EXPECT_EQ(halves[0].stores_register, RegisterId{a64::kX0 + 1});
  EXPECT_EQ(halves[1].stores_constant, 0u);
  EXPECT_FALSE(halves[1].stores_register);
}

TEST(StepsOf, OthersAreTheirOwnStep) {
  EXPECT_EQ(steps(Arch::kAArch64, "201c40f9").size(), 1u);  // ldr x0, [x1, #0x38]
  EXPECT_EQ(steps(Arch::kX86_64, "50").size(), 1u);         // push rax
}

}  // namespace
}  // namespace inquest::isa
