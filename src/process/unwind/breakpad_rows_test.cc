#include "process/unwind/breakpad_rows.h"

#include <gtest/gtest.h>

#include <map>

#include "binary/dwarf/expression.h"

namespace inquest::process {
namespace {

using dwarf::CfaRule;
using dwarf::RegisterRule;

// A module at 0x7f0000001000 whose first segment is linked at 0x1000.
class PlacedModule final : public Module {
 public:
  PlacedModule() {
    bias = 0x7f0000000000;
    range = {Address(0x7f0000001000), Address(0x7f0000009000)};
  }
  FileStatus status() const override { return FileStatus::kMissing; }
  std::string found_path() const override { return {}; }
  std::optional<BuildId> found_build_id() const override { return std::nullopt; }
  std::string version() const override { return {}; }
  const elf::File* binary() const override { return nullptr; }
  const elf::File* debug() const override { return nullptr; }
  std::string debug_path() const override { return {}; }
  const elf::File* mini_debug() const override { return nullptr; }
  const elf::File* alt_debug() const override { return nullptr; }
  const std::vector<Note>& notes() const override { return notes_; }

 private:
  std::vector<Note> notes_;
};

class Values final : public dwarf::ExpressionContext {
 public:
  std::optional<uint64_t> dwarf_register(uint64_t number) const override {
    const auto found = registers.find(number);
    return found == registers.end() ? std::nullopt : std::optional(found->second);
  }
  std::optional<uint64_t> memory(Address address, uint64_t) const override {
    const auto found = words.find(address.value);
    return found == words.end() ? std::nullopt : std::optional(found->second);
  }
  std::optional<uint64_t> link_to_process(uint64_t link) const override { return link; }
  std::map<uint64_t, uint64_t> registers, words;
};

struct Rows {
  explicit Rows(const std::string& rules, isa::Arch arch = isa::Arch::kX86_64)
      : text("MODULE Linux x86_64 0123456789ABCDEF0123456789ABCDEF0 a\nSTACK CFI INIT 100 20 " +
             rules + "\n") {
    auto parsed = breakpad::SymbolFile::parse(
        {reinterpret_cast<const uint8_t*>(text.data()), text.size()}, "sym");
    EXPECT_TRUE(parsed.ok());
    file = std::move(*parsed);
    rows.emplace(module, *file, arch);
  }
  std::optional<dwarf::CfiRow> row() { return rows->row_at(0x1110); }

  std::string text;
  PlacedModule module;
  std::unique_ptr<breakpad::SymbolFile> file;
  std::optional<BreakpadRows> rows;
};

TEST(BreakpadRows, TheUsualRulesBecomeThoseOfDwarf) {
  Rows rows(".cfa: $rsp 16 + .ra: .cfa -8 + ^ $rbp: .cfa 16 - ^ $rbx: $r12 $r14: $r14");
  const auto row = rows.row();
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->start, 0x1100u);  // link-time
  EXPECT_EQ(row->end, 0x1120u);
  EXPECT_EQ(row->function_start, 0x1100u);
  EXPECT_EQ(row->cfa.kind, CfaRule::Kind::kRegister);
  EXPECT_EQ(row->cfa.reg, isa::x86::kRsp);
  EXPECT_EQ(row->cfa.offset, 16);
  EXPECT_EQ(row->return_register, isa::x86::kRip);
  const RegisterRule* ra = row->rule_for(isa::x86::kRip);
  ASSERT_NE(ra, nullptr);
  EXPECT_EQ(ra->kind, RegisterRule::Kind::kAtCfa);
  EXPECT_EQ(ra->offset, -8);
  EXPECT_EQ(row->rule_for(isa::x86::kRbp)->offset, -16);
  EXPECT_EQ(row->rule_for(isa::x86::kRbx)->kind, RegisterRule::Kind::kRegister);
  EXPECT_EQ(row->rule_for(isa::x86::kRbx)->offset, isa::x86::kR12);
  EXPECT_EQ(row->rule_for(isa::x86::kR14)->kind, RegisterRule::Kind::kSameValue);
  EXPECT_FALSE(rows.rows->row_at(0x1120).has_value());
}

TEST(BreakpadRows, OtherExpressionsMeanTheSameInDwarf) {
  Rows rows(".cfa: $rbp 8 - ^ 16 @ 32 + .ra: .cfa 2 * .cfa - 8 - ^ $rbx: 7 3 % 5 *");
  const auto row = rows.row();
  ASSERT_TRUE(row.has_value());
  Values values;
  values.registers[isa::x86::kRbp] = 0x1008;
  values.words[0x1000] = 0x20f;
  ASSERT_EQ(row->cfa.kind, CfaRule::Kind::kExpression);
  EXPECT_EQ(dwarf::evaluate_to_value(row->cfa.expression, values, std::nullopt, 64), 0x220u);
  const RegisterRule* ra = row->rule_for(isa::x86::kRip);
  ASSERT_EQ(ra->kind, RegisterRule::Kind::kIsExpression);
  values.words[0x218] = 0x4711;
  EXPECT_EQ(dwarf::evaluate_to_value(ra->expression, values, 0x220, 64), 0x4711u);
  EXPECT_EQ(dwarf::evaluate_to_value(row->rule_for(isa::x86::kRbx)->expression, values, 0x220, 64),
            5u);
}

TEST(BreakpadRows, KnowsBothWaysToCallRegistersOfAArch64) {
  for (const std::string names :
       {"x29: .cfa -16 + ^ x30: .cfa -8 + ^", "fp: .cfa -16 + ^ lr: .cfa -8 + ^"}) {
    Rows rows(".cfa: sp 32 + .ra: .cfa -8 + ^ " + names, isa::Arch::kAArch64);
    const auto row = rows.row();
    ASSERT_TRUE(row.has_value());
    EXPECT_EQ(row->cfa.reg, isa::a64::kSp);
    EXPECT_EQ(row->return_register, isa::a64::kLr);
    EXPECT_EQ(row->rule_for(isa::a64::kFp)->offset, -16);
    EXPECT_EQ(row->rule_for(isa::a64::kLr)->offset, -8);
  }
  for (const std::string link : {"x30", ".ra"}) {
    Rows leaf(".cfa: sp 0 + .ra: " + link, isa::Arch::kAArch64);
    EXPECT_EQ(leaf.row()->rule_for(isa::a64::kLr)->kind, RegisterRule::Kind::kSameValue);
  }
}

TEST(BreakpadRows, WhatCannotBeReadLeavesItsRegisterUnknown) {
  Rows rows(".cfa: $rsp 8 + .ra: .cfa -8 + ^ $rbx: + $rbp: .cfa nonsense $r12: 1 2 $zz: 5 $rsp: 9");
  const auto row = rows.row();
  ASSERT_TRUE(row.has_value());
  for (const uint16_t reg : {isa::x86::kRbx, isa::x86::kRbp, isa::x86::kR12}) {
    EXPECT_EQ(row->rule_for(reg)->kind, RegisterRule::Kind::kUndefined) << reg;
  }
  EXPECT_EQ(row->rule_for(isa::x86::kRsp), nullptr);  // the caller's is the CFA
  EXPECT_FALSE(Rows(".ra: .cfa -8 + ^").row().has_value());
  EXPECT_FALSE(Rows(".cfa: .cfa 8 + .ra: 1").row().has_value());
  std::string deep = ".cfa:";
  for (int i = 0; i < 100; ++i) deep += " 1";
  EXPECT_FALSE(Rows(deep).row().has_value());
}

}  // namespace
}  // namespace inquest::process
