#include "binary/dwarf/expression.h"

#include <dwarf.h>
#include <gtest/gtest.h>

#include <map>

namespace inquest::dwarf {
namespace {

// A frame with a few registers and words of memory.
class FakeFrame : public ExpressionContext {
 public:
  std::optional<uint64_t> dwarf_register(uint64_t number) const override {
    return at(registers, number);
  }
  std::optional<uint64_t> memory(Address address, uint64_t size) const override {
    const auto word = at(words, address.value);
    if (!word) return std::nullopt;
    return size == 8 ? *word : *word & ((uint64_t{1} << (8 * size)) - 1);
  }
  std::optional<uint64_t> frame_base() const override { return base; }
  std::optional<Address> call_frame_cfa() const override { return cfa; }
  std::optional<uint64_t> tls_address(uint64_t offset) const override { return 0x7000 + offset; }
  std::optional<uint64_t> link_to_process(uint64_t link) const override { return link + 0x10000; }
  std::optional<uint64_t> indexed_address(uint64_t index) const override { return 0x100 * index; }
  std::optional<uint64_t> entry_value(ByteView expression) const override {
    if (expression.size() == 1 && expression[0] == DW_OP_reg5) return 77;
    return std::nullopt;
  }
  std::optional<uint64_t> object_address() const override { return 0xabc0; }
  std::optional<ByteView> called_expression(uint64_t die, bool) const override {
    const auto found = callees.find(die);
    return found == callees.end() ? std::nullopt : std::optional(ByteView(found->second));
  }
  std::optional<BaseType> base_type(uint64_t offset) const override {
    const auto found = types.find(offset);
    return found == types.end() ? std::nullopt : std::optional(found->second);
  }

  std::map<uint64_t, uint64_t> registers, words;
  std::map<uint64_t, Bytes> callees;
  std::map<uint64_t, BaseType> types;
  std::optional<uint64_t> base;
  std::optional<Address> cfa;

 private:
  static std::optional<uint64_t> at(const std::map<uint64_t, uint64_t>& map, uint64_t key) {
    const auto found = map.find(key);
    return found == map.end() ? std::nullopt : std::optional(found->second);
  }
};

class ExpressionTest : public testing::Test {
 protected:
  std::optional<uint64_t> value(const Bytes& expression, std::optional<uint64_t> initial = {}) {
    return evaluate_to_value(expression, frame, initial);
  }
  Location location(const Bytes& expression) {
    const auto result = evaluate(expression, frame);
    EXPECT_TRUE(result.location.has_value()) << to_string(result.failure);
    return result.location.value_or(Location{});
  }
  EvalFailure failure(const Bytes& expression) {
    const auto result = evaluate(expression, frame);
    EXPECT_FALSE(result.location.has_value());
    return result.failure;
  }
  FakeFrame frame;
};

TEST_F(ExpressionTest, ConstantsKeepTheirSignAndWidth) {
  EXPECT_EQ(value({DW_OP_lit31}), 31u);
  EXPECT_EQ(value({DW_OP_const1u, 0xff}), 0xffu);
  EXPECT_EQ(value({DW_OP_const1s, 0xff}), ~uint64_t{0});
  EXPECT_EQ(value({DW_OP_const2s, 0xfe, 0xff}), ~uint64_t{1});
  EXPECT_EQ(value({DW_OP_const4u, 1, 2, 3, 4}), 0x04030201u);
  EXPECT_EQ(value({DW_OP_const8u, 1, 2, 3, 4, 5, 6, 7, 8}), 0x0807060504030201u);
  EXPECT_EQ(value({DW_OP_constu, 0x80, 0x01}), 128u);
  EXPECT_EQ(value({DW_OP_consts, 0x7f}), ~uint64_t{0});
  EXPECT_EQ(value({DW_OP_addr, 0x34, 0x12, 0, 0, 0, 0, 0, 0}), 0x11234u);
}

TEST_F(ExpressionTest, StackOperationsReorder) {
  EXPECT_EQ(value({DW_OP_lit1, DW_OP_lit2, DW_OP_over}), 1u);
  EXPECT_EQ(value({DW_OP_lit1, DW_OP_lit2, DW_OP_swap}), 1u);
  EXPECT_EQ(value({DW_OP_lit1, DW_OP_lit2, DW_OP_lit3, DW_OP_rot}), 2u);
  EXPECT_EQ(value({DW_OP_lit1, DW_OP_lit2, DW_OP_lit3, DW_OP_rot, DW_OP_drop}), 1u);
  EXPECT_EQ(value({DW_OP_lit1, DW_OP_lit2, DW_OP_lit3, DW_OP_rot, DW_OP_drop, DW_OP_drop}), 3u);
  EXPECT_EQ(value({DW_OP_lit7, DW_OP_lit8, DW_OP_lit9, DW_OP_pick, 2}), 7u);
}

TEST_F(ExpressionTest, GenericArithmeticIsThatOfTheStandard) {
  EXPECT_EQ(value({DW_OP_lit5, DW_OP_lit7, DW_OP_minus}), ~uint64_t{1});
  EXPECT_EQ(value({DW_OP_const1s, 0xf8, DW_OP_lit2, DW_OP_div}), static_cast<uint64_t>(-4));
  EXPECT_EQ(value({DW_OP_lit17, DW_OP_lit5, DW_OP_mod}), 2u);
  EXPECT_EQ(value({DW_OP_const1s, 0xf8, DW_OP_lit1, DW_OP_shra}), static_cast<uint64_t>(-4));
  EXPECT_EQ(value({DW_OP_const1s, 0xff, DW_OP_const1u, 60, DW_OP_shr}), 15u);
  EXPECT_EQ(value({DW_OP_lit1, DW_OP_const1u, 64, DW_OP_shl}), 0u);
  EXPECT_EQ(value({DW_OP_const1s, 0xff, DW_OP_lit1, DW_OP_lt}), 1u);
  EXPECT_EQ(value({DW_OP_lit3, DW_OP_plus_uconst, 0x80, 0x01}), 131u);
  EXPECT_EQ(value({DW_OP_const1s, 0xfd, DW_OP_abs}), 3u);
  EXPECT_EQ(value({DW_OP_lit1, DW_OP_lit0, DW_OP_div}), std::nullopt);
}

TEST_F(ExpressionTest, SmallestNumberDividedByMinusOneDoesNotTrap) {
  EXPECT_EQ(value({DW_OP_const8u, 0, 0, 0, 0, 0, 0, 0, 0x80, DW_OP_const1s, 0xff, DW_OP_div}),
            uint64_t{1} << 63);
}

TEST_F(ExpressionTest, BranchesJumpBothWaysAndEndlessLoopsEnd) {
  EXPECT_EQ(value({DW_OP_lit1, DW_OP_bra, 1, 0, DW_OP_lit9, DW_OP_lit4}), 4u);
  // Counts down from 5.
  EXPECT_EQ(value({DW_OP_lit5, DW_OP_lit1, DW_OP_minus, DW_OP_dup, DW_OP_bra, 0xfa, 0xff}), 0u);
  EXPECT_EQ(failure({DW_OP_skip, 0xfd, 0xff}), EvalFailure::kMalformed);
  EXPECT_EQ(failure({DW_OP_skip, 0x00, 0x80}), EvalFailure::kMalformed);
  EXPECT_EQ(failure({DW_OP_dup}), EvalFailure::kMalformed);
  EXPECT_EQ(failure({DW_OP_lit1, DW_OP_dup, DW_OP_skip, 0xfc, 0xff}), EvalFailure::kMalformed);
}

TEST_F(ExpressionTest, RegistersAndMemoryComeFromTheFrame) {
  frame.registers = {{7, 0x1000}, {40, 0x2000}};
  frame.words = {{0x1008, 0xffffffffffffff80}, {0x1ff0, 5}};
  EXPECT_EQ(value({DW_OP_breg7, 8}), 0x1008u);
  EXPECT_EQ(value({DW_OP_breg7, 8, DW_OP_deref}), 0xffffffffffffff80u);
  EXPECT_EQ(value({DW_OP_breg7, 8, DW_OP_deref_size, 1}), 0x80u);
  EXPECT_EQ(value({DW_OP_bregx, 40, 0x70, DW_OP_deref}), 5u);
  EXPECT_EQ(value({DW_OP_reg7}), 0x1000u);
  EXPECT_EQ(failure({DW_OP_breg3, 0}), EvalFailure::kUnknownRegister);
  EXPECT_EQ(failure({DW_OP_breg7, 16, DW_OP_deref}), EvalFailure::kMissingMemory);
}

TEST_F(ExpressionTest, PltRowOfTheLinkerComputesTheCfa) {
  // binutils' PLT: rsp + 8 + ((rip & 15) >= 11) * 8
  const Bytes plt = {DW_OP_breg7, 8,        DW_OP_breg16, 0,         DW_OP_lit15, DW_OP_and,
                     DW_OP_lit11, DW_OP_ge, DW_OP_lit3,   DW_OP_shl, DW_OP_plus};
  frame.registers = {{7, 0x1000}, {16, 0x401026}};
  EXPECT_EQ(value(plt), 0x1008u);
  frame.registers[16] = 0x40102b;
  EXPECT_EQ(value(plt), 0x1010u);
}

TEST_F(ExpressionTest, FrameBaseCfaTlsAndObjectAddressAreAsked) {
  EXPECT_EQ(failure({DW_OP_fbreg, 0}), EvalFailure::kNoFrameBase);
  EXPECT_EQ(failure({DW_OP_call_frame_cfa}), EvalFailure::kNoFrameBase);
  frame.base = 0x9000;
  frame.cfa = Address(0x9100);
  EXPECT_EQ(value({DW_OP_fbreg, 0x70}), 0x8ff0u);
  EXPECT_EQ(value({DW_OP_call_frame_cfa}), 0x9100u);
  EXPECT_EQ(value({DW_OP_lit8, DW_OP_form_tls_address}), 0x7008u);
  EXPECT_EQ(value({DW_OP_lit8, DW_OP_GNU_push_tls_address}), 0x7008u);
  EXPECT_EQ(value({DW_OP_push_object_address}), 0xabc0u);
  EXPECT_EQ(value({DW_OP_addrx, 3}), 0x10300u);
  EXPECT_EQ(value({DW_OP_constx, 3}), 0x300u);
}

TEST_F(ExpressionTest, EntryValuesAreAskedOfTheCaller) {
  EXPECT_EQ(value({DW_OP_entry_value, 1, DW_OP_reg5, DW_OP_stack_value}), 77u);
  EXPECT_EQ(value({DW_OP_GNU_entry_value, 1, DW_OP_reg5, DW_OP_stack_value}), 77u);
  EXPECT_EQ(failure({DW_OP_entry_value, 1, DW_OP_reg4, DW_OP_stack_value}),
            EvalFailure::kNoEntryValue);
  EXPECT_EQ(failure({DW_OP_entry_value, 9, DW_OP_reg4}), EvalFailure::kMalformed);
}

TEST_F(ExpressionTest, LocationsSayOfWhatKindTheyAre) {
  EXPECT_TRUE(location({}).pieces.empty());
  EXPECT_EQ(location({DW_OP_reg3}).pieces.at(0).kind, Piece::Kind::kRegister);
  EXPECT_EQ(location({DW_OP_regx, 17}).pieces.at(0).value, 17u);
  EXPECT_EQ(location({DW_OP_lit9}).pieces.at(0).kind, Piece::Kind::kMemory);
  EXPECT_EQ(location({DW_OP_lit9, DW_OP_stack_value}).pieces.at(0).kind, Piece::Kind::kValue);
  const Bytes bytes = {DW_OP_implicit_value, 2, 0x34, 0x12};
  const auto implicit = location(bytes);
  EXPECT_EQ(implicit.pieces.at(0).kind, Piece::Kind::kBytes);
  EXPECT_EQ(implicit.pieces.at(0).bytes.size(), 2u);
  EXPECT_EQ(value(bytes), 0x1234u);
  const auto pointer = location({DW_OP_implicit_pointer, 0x10, 0, 0, 0, 0x7c});
  EXPECT_EQ(pointer.pieces.at(0).kind, Piece::Kind::kImplicitPointer);
  EXPECT_EQ(pointer.pieces.at(0).value, 0x10u);
  EXPECT_EQ(pointer.pieces.at(0).offset, -4);
}

TEST_F(ExpressionTest, PiecesKeepTheirOrderAndHoles) {
  const auto split =
      location({DW_OP_reg0, DW_OP_piece, 8, DW_OP_piece, 4, DW_OP_lit5, DW_OP_stack_value,
                DW_OP_piece, 4, DW_OP_reg1, DW_OP_bit_piece, 3, 2});
  ASSERT_EQ(split.pieces.size(), 4u);
  EXPECT_EQ(split.pieces[0].kind, Piece::Kind::kRegister);
  EXPECT_EQ(split.pieces[0].bit_size, 64u);
  EXPECT_EQ(split.pieces[1].kind, Piece::Kind::kEmpty);
  EXPECT_EQ(split.pieces[2].value, 5u);
  EXPECT_EQ(split.pieces[3].bit_size, 3u);
  EXPECT_EQ(split.pieces[3].bit_offset, 2u);
  EXPECT_EQ(failure({DW_OP_reg0, DW_OP_piece, 8, DW_OP_reg1}), EvalFailure::kMalformed);
  EXPECT_EQ(failure({DW_OP_reg0, DW_OP_lit1}), EvalFailure::kMalformed);
}

TEST_F(ExpressionTest, CallsRunOnTheSameStackAndAreBounded) {
  frame.callees[2] = {DW_OP_lit4, DW_OP_plus};
  frame.callees[3] = {DW_OP_call2, 3, 0};
  frame.callees[4] = {};
  EXPECT_EQ(value({DW_OP_lit1, DW_OP_call2, 2, 0}), 5u);
  EXPECT_EQ(value({DW_OP_lit1, DW_OP_call4, 4, 0, 0, 0}), 1u);
  EXPECT_EQ(value({DW_OP_lit1, DW_OP_call_ref, 2, 0, 0, 0}), 5u);
  EXPECT_EQ(failure({DW_OP_call2, 3, 0}), EvalFailure::kMalformed);
  EXPECT_EQ(failure({DW_OP_call2, 9, 0}), EvalFailure::kUnsupported);
}

TEST_F(ExpressionTest, TypedNumbersFollowTheirBaseType) {
  using Kind = BaseType::Kind;
  frame.types = {{1, {Kind::kSigned, 4}},
                 {2, {Kind::kUnsigned, 4}},
                 {3, {Kind::kFloat, 8}},
                 {4, {Kind::kUnsigned, 8}}};
  frame.registers = {{5, 0x12345678fffffffe}};
  frame.words = {{0x20, 0xff}};
  EXPECT_EQ(value({DW_OP_regval_type, 5, 1}), static_cast<uint64_t>(-2));
  EXPECT_EQ(value({DW_OP_regval_type, 5, 2}), 0xfffffffeu);
  EXPECT_EQ(value({DW_OP_regval_type, 5, 1, DW_OP_convert, 4}), static_cast<uint64_t>(-2));
  EXPECT_EQ(value({DW_OP_regval_type, 5, 2, DW_OP_const_type, 2, 4, 4, 0, 0, 0, DW_OP_plus}), 2u);
  EXPECT_EQ(value({DW_OP_breg5, 0, DW_OP_convert, 1, DW_OP_convert, 0}), static_cast<uint64_t>(-2));
  EXPECT_EQ(value({DW_OP_const1u, 0x20, DW_OP_deref_type, 4, 1}), 0xffu);
  EXPECT_EQ(failure({DW_OP_regval_type, 5, 1, DW_OP_regval_type, 5, 2, DW_OP_plus}),
            EvalFailure::kMalformed);
}

TEST_F(ExpressionTest, FloatingPointNumbersAreConvertedAndCalculated) {
  using Kind = BaseType::Kind;
  frame.types = {{1, {Kind::kSigned, 4}},
                 {3, {Kind::kFloat, 8}},
                 {4, {Kind::kFloat, 4}},
                 {5, {Kind::kFloat, 16}}};
  frame.registers = {{5, static_cast<uint64_t>(-3)}, {6, 0x7ff0000000000000}};  // infinity
  const uint64_t minus_six = 0xc018000000000000, minus_three = 0xc0400000;      // double, float
  EXPECT_EQ(value({DW_OP_regval_type, 5, 1, DW_OP_convert, 3, DW_OP_dup, DW_OP_plus}), minus_six);
  EXPECT_EQ(value({DW_OP_regval_type, 5, 1, DW_OP_convert, 4}), minus_three);
  EXPECT_EQ(value({DW_OP_regval_type, 5, 1, DW_OP_convert, 3, DW_OP_convert, 1}),
            static_cast<uint64_t>(-3));
  EXPECT_EQ(value({DW_OP_regval_type, 5, 1, DW_OP_convert, 3, DW_OP_dup, DW_OP_lt}), 0u);
  EXPECT_EQ(failure({DW_OP_regval_type, 6, 3, DW_OP_convert, 1}), EvalFailure::kUnsupported);
  EXPECT_EQ(failure({DW_OP_regval_type, 5, 3, DW_OP_plus_uconst, 1}), EvalFailure::kMalformed);
  EXPECT_EQ(failure({DW_OP_regval_type, 5, 3, DW_OP_not}), EvalFailure::kMalformed);
  EXPECT_EQ(failure({DW_OP_regval_type, 5, 5}), EvalFailure::kUnsupported);
}

TEST_F(ExpressionTest, CfiPushesTheCfaFirst) {
  EXPECT_EQ(value({DW_OP_lit8, DW_OP_minus}, 0x1000), 0xff8u);
  EXPECT_EQ(value({}, 0x1000), 0x1000u);
  EXPECT_EQ(value({}), std::nullopt);
}

TEST_F(ExpressionTest, TheCallerMayAllowFewerSteps) {
  const Bytes counts_down = {DW_OP_const1u, 200,       DW_OP_lit1, DW_OP_minus,
                             DW_OP_dup,     DW_OP_bra, 0xfa,       0xff};
  EXPECT_EQ(evaluate_to_value(counts_down, frame, std::nullopt), 0u);
  EXPECT_EQ(evaluate_to_value(counts_down, frame, std::nullopt, kMaxCfiExpressionSteps),
            std::nullopt);
}

TEST_F(ExpressionTest, UnknownOperationsAndCutOperandsAreToldApart) {
  EXPECT_EQ(failure({0xe5}), EvalFailure::kUnsupported);
  EXPECT_EQ(failure({DW_OP_const4u, 1, 2}), EvalFailure::kMalformed);
  EXPECT_EQ(failure({DW_OP_xderef}), EvalFailure::kUnsupported);
}

}  // namespace
}  // namespace inquest::dwarf
