#include "binary/isa/registers.h"

#include <gtest/gtest.h>

namespace inquest::isa {
namespace {

TEST(Registers, NamesAndNumbersAgree) {
  EXPECT_EQ(register_name(Arch::kX86_64, x86::kRdx), "rdx");
  EXPECT_EQ(register_name(Arch::kX86_64, x86::kRip), "rip");
  EXPECT_EQ(register_name(Arch::kX86_64, x86::kEflags), "eflags");
  EXPECT_EQ(register_name(Arch::kX86_64, x86::kOrigRax), "orig_rax");
  EXPECT_EQ(register_name(Arch::kAArch64, a64::kLr), "x30");
  EXPECT_EQ(register_name(Arch::kAArch64, a64::kSp), "sp");
  EXPECT_EQ(register_name(Arch::kAArch64, a64::kPc), "pc");
  EXPECT_EQ(register_name(Arch::kAArch64, a64::kPstate), "pstate");
  EXPECT_EQ(register_name(Arch::kX86_64, 20), "");
  EXPECT_EQ(register_name(Arch::kX86_64, 999), "");
  for (Arch arch : {Arch::kX86_64, Arch::kAArch64}) {
    for (RegisterId id = 0; id < kRegisterCount; ++id) {
      const auto name = register_name(arch, id);
      if (name.empty()) continue;
      EXPECT_EQ(register_by_name(arch, name), id);
    }
  }
  EXPECT_FALSE(register_by_name(Arch::kX86_64, ""));
  EXPECT_FALSE(register_by_name(Arch::kX86_64, "x0"));
}

TEST(Registers, CallingConventions) {
  EXPECT_EQ(argument_register(Arch::kX86_64, 2), x86::kRdx);
  EXPECT_FALSE(argument_register(Arch::kX86_64, 6));
  EXPECT_EQ(argument_register(Arch::kAArch64, 7), 7);
  EXPECT_FALSE(argument_register(Arch::kAArch64, 8));
  EXPECT_TRUE(is_callee_saved(Arch::kX86_64, x86::kRbx));
  EXPECT_FALSE(is_callee_saved(Arch::kX86_64, x86::kRdi));
  EXPECT_TRUE(is_callee_saved(Arch::kAArch64, 19));
  EXPECT_FALSE(is_callee_saved(Arch::kAArch64, a64::kLr));
}

TEST(RegisterFile, UnknownIsNeverZero) {
  RegisterFile registers(Arch::kX86_64);
  EXPECT_FALSE(registers.get(x86::kRax));
  registers.set(x86::kRax, 0);
  EXPECT_EQ(registers.get(x86::kRax), 0u);
  registers.forget(x86::kRax);
  EXPECT_FALSE(registers.get(x86::kRax));
  EXPECT_FALSE(registers.pc());
  registers.set_pc(Address(0x401000));
  EXPECT_EQ(registers.pc(), Address(0x401000));
  registers.set(kRegisterCount, 1);  // ignored
  EXPECT_FALSE(registers.get(kRegisterCount));
}

}  // namespace
}  // namespace inquest::isa
