#include "binary/dwarf/cfi.h"

#include <dwarf.h>
#include <gtest/gtest.h>

namespace inquest::dwarf {
namespace {

using Kind = RegisterRule::Kind;

constexpr uint64_t kFrameAddress = 0x2000, kHeaderAddress = 0x3000;
constexpr uint64_t kFunction = 0x1000, kFunctionSize = 0x100;

void put(Bytes& out, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

void put(Bytes& out, const Bytes& more) { out.insert(out.end(), more.begin(), more.end()); }

// Builds .eh_frame (pcrel sdata4) or .debug_frame entry by entry.
class FrameBuilder {
 public:
  explicit FrameBuilder(bool debug_frame = false) : debug_(debug_frame) {}

  uint64_t add_cie(const Bytes& program, const std::string& letters = "zR",
                   uint8_t return_register = 16,
                   const Bytes& augmentation = {DW_EH_PE_pcrel | DW_EH_PE_sdata4}) {
    Bytes body;
    put(body, debug_ ? 0xffffffff : 0, 4);
    body.push_back(1);
    const std::string text = debug_ ? "" : letters;
    body.insert(body.end(), text.begin(), text.end());
    body.push_back(0);
    body.push_back(1);     // code alignment
    body.push_back(0x78);  // data alignment −8
    body.push_back(return_register);
    if (!text.empty()) {
      body.push_back(static_cast<uint8_t>(augmentation.size()));
      put(body, augmentation);
    }
    put(body, program);
    return append(body);
  }

  uint64_t add_fde(uint64_t cie, uint64_t start, uint64_t size, const Bytes& program) {
    Bytes body;
    put(body, debug_ ? cie : bytes.size() + 4 - cie, 4);
    if (debug_) {
      put(body, start, 8);
      put(body, size, 8);
    } else {
      put(body, start - (kFrameAddress + bytes.size() + 8), 4);
      put(body, size, 4);
      body.push_back(0);
    }
    put(body, program);
    return append(body);
  }

  Bytes bytes;

 private:
  uint64_t append(const Bytes& body) {
    const uint64_t at = bytes.size();
    put(bytes, body.size(), 4);
    put(bytes, body);
    return at;
  }
  bool debug_;
};

// rsp + 8, return address at CFA − 8: every x86-64 CIE begins so.
const Bytes kEntryRules = {DW_CFA_def_cfa, 7, 8, DW_CFA_offset | 16, 1};

Bytes search_table(const std::vector<std::pair<uint64_t, uint64_t>>& entries) {
  Bytes out = {1, DW_EH_PE_pcrel | DW_EH_PE_sdata4, DW_EH_PE_udata4,
               DW_EH_PE_datarel | DW_EH_PE_sdata4};
  put(out, kFrameAddress - (kHeaderAddress + 4), 4);
  put(out, entries.size(), 4);
  for (const auto& [start, fde] : entries) {
    put(out, start - kHeaderAddress, 4);
    put(out, kFrameAddress + fde - kHeaderAddress, 4);
  }
  return out;
}

CfiTable eh_table(const Bytes& frame, const Bytes& header = {}) {
  return CfiTable({.eh_frame = frame,
                   .eh_frame_address = kFrameAddress,
                   .eh_frame_hdr = header,
                   .eh_frame_hdr_address = kHeaderAddress});
}

// The row at `pc` of one function with this program.
std::optional<CfiRow> row_of(const Bytes& program, uint64_t pc) {
  FrameBuilder frame;
  const uint64_t cie = frame.add_cie(kEntryRules);
  frame.add_fde(cie, kFunction, kFunctionSize, program);
  return eh_table(frame.bytes).row_at(pc);
}

TEST(CfiTest, RowsFollowTheInstructionsUpToThePc) {
  const Bytes program = {DW_CFA_advance_loc | 1, DW_CFA_def_cfa_offset,   16, DW_CFA_offset | 6, 2,
                         DW_CFA_advance_loc | 3, DW_CFA_def_cfa_register, 6};
  const auto entry = row_of(program, kFunction);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->cfa.reg, 7);
  EXPECT_EQ(entry->cfa.offset, 8);
  EXPECT_EQ(entry->end, kFunction + 1);
  EXPECT_EQ(entry->rule_for(16)->offset, -8);
  EXPECT_EQ(entry->rule_for(6), nullptr);

  const auto pushed = row_of(program, kFunction + 3);
  EXPECT_EQ(pushed->cfa.offset, 16);
  EXPECT_EQ(pushed->rule_for(6)->kind, Kind::kAtCfa);
  EXPECT_EQ(pushed->rule_for(6)->offset, -16);

  const auto body = row_of(program, kFunction + 4);
  EXPECT_EQ(body->cfa.reg, 6);
  EXPECT_EQ(body->end, kFunction + kFunctionSize);
  EXPECT_FALSE(row_of(program, kFunction + kFunctionSize));
  EXPECT_FALSE(row_of(program, kFunction - 1));
}

TEST(CfiTest, RestoreGoesBackToTheRulesOfTheCieAndRestoreStateToTheRemembered) {
  const Bytes program = {DW_CFA_offset | 3,
                         4,
                         DW_CFA_remember_state,
                         DW_CFA_advance_loc | 1,
                         DW_CFA_restore | 3,
                         DW_CFA_def_cfa_offset,
                         64,
                         DW_CFA_advance_loc | 1,
                         DW_CFA_restore_state,
                         DW_CFA_offset_extended,
                         3,
                         5};
  EXPECT_EQ(row_of(program, kFunction)->rule_for(3)->offset, -32);
  EXPECT_EQ(row_of(program, kFunction + 1)->rule_for(3), nullptr);
  EXPECT_EQ(row_of(program, kFunction + 1)->cfa.offset, 64);
  EXPECT_EQ(row_of(program, kFunction + 2)->cfa.offset, 8);
  EXPECT_EQ(row_of(program, kFunction + 2)->rule_for(3)->offset, -40);
}

TEST(CfiTest, EveryKindOfRuleIsKept) {
  const Bytes program = {DW_CFA_undefined,
                         0,
                         DW_CFA_same_value,
                         1,
                         DW_CFA_register,
                         2,
                         12,
                         DW_CFA_val_offset,
                         3,
                         1,
                         DW_CFA_val_offset_sf,
                         4,
                         0x7f,
                         DW_CFA_offset_extended_sf,
                         5,
                         0x7f,
                         DW_CFA_GNU_negative_offset_extended,
                         8,
                         2,
                         DW_CFA_expression,
                         9,
                         1,
                         DW_OP_lit1,
                         DW_CFA_val_expression,
                         10,
                         2,
                         DW_OP_lit1,
                         DW_OP_lit2,
                         DW_CFA_GNU_args_size,
                         16};
  const auto row = row_of(program, kFunction);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->rule_for(0)->kind, Kind::kUndefined);
  EXPECT_EQ(row->rule_for(1)->kind, Kind::kSameValue);
  EXPECT_EQ(row->rule_for(2)->kind, Kind::kRegister);
  EXPECT_EQ(row->rule_for(2)->offset, 12);
  EXPECT_EQ(row->rule_for(3)->kind, Kind::kIsCfa);
  EXPECT_EQ(row->rule_for(3)->offset, -8);
  EXPECT_EQ(row->rule_for(4)->offset, 8);
  EXPECT_EQ(row->rule_for(5)->offset, 8);
  EXPECT_EQ(row->rule_for(8)->offset, 16);
  EXPECT_EQ(row->rule_for(9)->kind, Kind::kAtExpression);
  EXPECT_EQ(row->rule_for(10)->expression.size(), 2u);
}

TEST(CfiTest, TheCfaMayBeAnExpressionAndComeBack) {
  const Bytes program = {DW_CFA_def_cfa_expression, 2, DW_OP_breg7, 8, DW_CFA_advance_loc | 1,
                         DW_CFA_def_cfa_sf,         6, 0x7e};
  EXPECT_EQ(row_of(program, kFunction)->cfa.kind, CfaRule::Kind::kExpression);
  EXPECT_EQ(row_of(program, kFunction + 1)->cfa.kind, CfaRule::Kind::kRegister);
  EXPECT_EQ(row_of(program, kFunction + 1)->cfa.offset, 16);
  // An offset alone means nothing to an expression.
  EXPECT_FALSE(
      row_of({DW_CFA_def_cfa_expression, 1, DW_OP_lit1, DW_CFA_def_cfa_offset, 8}, kFunction));
}

TEST(CfiTest, ARowBeforeTheDamageIsStillGood) {
  const Bytes program = {DW_CFA_advance_loc | 4, 0x3f};
  EXPECT_TRUE(row_of(program, kFunction + 3));
  EXPECT_FALSE(row_of(program, kFunction + 4));
  EXPECT_FALSE(row_of({DW_CFA_restore_state}, kFunction));
  EXPECT_FALSE(row_of({DW_CFA_offset_extended, 0x80}, kFunction));
}

TEST(CfiTest, AAugmentationOfSignalFramesAndPersonalitiesIsUnderstood) {
  FrameBuilder frame;
  const uint64_t cie =
      frame.add_cie(kEntryRules, "zPLRS", 16,
                    {DW_EH_PE_indirect | DW_EH_PE_pcrel | DW_EH_PE_sdata4, 1, 2, 3, 4,
                     DW_EH_PE_pcrel | DW_EH_PE_sdata4, DW_EH_PE_pcrel | DW_EH_PE_sdata4});
  frame.add_fde(cie, kFunction, 16, {});
  const auto row = eh_table(frame.bytes).row_at(kFunction);
  ASSERT_TRUE(row);
  EXPECT_TRUE(row->signal_frame);
  FrameBuilder unknown;
  unknown.add_fde(unknown.add_cie(kEntryRules, "zX"), kFunction, 16, {});
  EXPECT_FALSE(eh_table(unknown.bytes).row_at(kFunction));
}

TEST(CfiTest, AArch64SignedReturnAddressesAreMarked) {
  const Bytes program = {DW_CFA_advance_loc | 4, 0x2d, DW_CFA_advance_loc | 4,
                         DW_CFA_remember_state,  0x2d, DW_CFA_advance_loc | 4,
                         DW_CFA_restore_state};
  EXPECT_FALSE(row_of(program, kFunction)->return_address_signed);
  EXPECT_TRUE(row_of(program, kFunction + 4)->return_address_signed);
  EXPECT_FALSE(row_of(program, kFunction + 8)->return_address_signed);
  EXPECT_TRUE(row_of(program, kFunction + 12)->return_address_signed);
}

struct TwoFunctions {
  TwoFunctions() {
    const uint64_t cie = frame.add_cie(kEntryRules);
    first = frame.add_fde(cie, 0x1000, 0x10, {});
    put(frame.bytes, 0, 4);  // a terminator in the middle, as static linking leaves them
    second = frame.add_fde(cie, 0x1100, 0x10, {DW_CFA_def_cfa_offset, 48});
  }
  FrameBuilder frame;
  uint64_t first = 0, second = 0;
};

TEST(CfiTest, TheSearchTableIsUsedWhenWhole) {
  const TwoFunctions two;
  const Bytes header = search_table({{0x1000, two.first}, {0x1100, two.second}});
  auto table = eh_table(two.frame.bytes, header);
  EXPECT_EQ(table.row_at(0x1105)->cfa.offset, 48);
  EXPECT_EQ(table.row_at(0x1000)->cfa.offset, 8);
  EXPECT_FALSE(table.row_at(0x1050));
  EXPECT_FALSE(table.row_at(0x500));
  EXPECT_EQ(table.function_at(0x110f)->start, 0x1100u);
  EXPECT_FALSE(table.reads_eh_frame_linearly());
}

TEST(CfiTest, AMissingOrDamagedSearchTableIsReplacedByReadingThrough) {
  const TwoFunctions two;
  const Bytes good = search_table({{0x1000, two.first}, {0x1100, two.second}});
  const Bytes swapped = search_table({{0x1100, two.second}, {0x1000, two.first}});
  const Bytes wrong_target = search_table({{0x1000, two.second}, {0x1100, two.first}});
  Bytes too_many = good;
  too_many[8] = 200;
  const Bytes cut(good.begin(), good.begin() + 18);
  for (const Bytes& header : {Bytes{}, swapped, wrong_target, too_many, cut, Bytes{9, 9, 9, 9}}) {
    auto table = eh_table(two.frame.bytes, header);
    ASSERT_TRUE(table.row_at(0x1105)) << header.size();
    EXPECT_EQ(table.row_at(0x1105)->cfa.offset, 48);
    EXPECT_EQ(table.row_at(0x1008)->cfa.offset, 8);
    EXPECT_TRUE(table.reads_eh_frame_linearly());
  }
}

TEST(CfiTest, DebugFrameFillsWhatEhFrameLacks) {
  const TwoFunctions two;
  FrameBuilder debug(true);
  const uint64_t cie = debug.add_cie(kEntryRules);
  debug.add_fde(cie, 0x5000, 0x20, {DW_CFA_def_cfa_offset, 80});
  debug.add_fde(cie, 0x1000, 0x20, {DW_CFA_def_cfa_offset, 96});
  CfiTable table(
      {.eh_frame = two.frame.bytes, .eh_frame_address = kFrameAddress, .debug_frame = debug.bytes});
  EXPECT_EQ(table.row_at(0x5010)->cfa.offset, 80);
  EXPECT_EQ(table.row_at(0x1000)->cfa.offset, 8);
  EXPECT_EQ(table.row_at(0x1018)->cfa.offset, 96);
}

TEST(CfiTest, ManyInstructionsEndInABoundedTime) {
  Bytes program(kMaxCfaInstructions + 10, DW_CFA_nop);
  EXPECT_FALSE(row_of(program, kFunction));
  Bytes remembers(kMaxRememberedStates + 1, DW_CFA_remember_state);
  EXPECT_FALSE(row_of(remembers, kFunction));
}

}  // namespace
}  // namespace inquest::dwarf
