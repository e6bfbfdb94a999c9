#include "process/flow/frame_flow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "process/flow/returns.h"

namespace inquest::process {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr Address kCode(0x1000), kStack(0x8000);

// Code at 0x1000, and 256 bytes of stack at 0x8000.
class SmallMemory final : public MemoryReader {
 public:
  SmallMemory(Bytes code, Bytes stack) : code_(std::move(code)), stack_(std::move(stack)) {}
  ByteView view(Address address, uint64_t max) const override {
    for (const auto& [start, bytes] : {std::pair(kCode, &code_), std::pair(kStack, &stack_)}) {
      if (address < start || address - start >= bytes->size()) continue;
      const uint64_t offset = address - start;
      return ByteView(*bytes).subspan(offset, std::min<uint64_t>(max, bytes->size() - offset));
    }
    return {};
  }
  Missing why_missing(Address address) const override {
    return view(address, 1).empty() ? Missing::kUnmapped : Missing::kNone;
  }

 private:
  Bytes code_, stack_;
};

struct Function {
  explicit Function(const Bytes& bytes, const FrameState& state = {}, Bytes stack = Bytes(256),
                    isa::Arch arch = isa::Arch::kX86_64)
      : memory(bytes, std::move(stack)),
        code(FunctionCode::decode(arch, memory, {kCode, kCode + bytes.size()}, kCode)),
        flow(code, memory, state) {}
  SmallMemory memory;
  FunctionCode code;
  FrameFlow flow;
};

// 0 push rbp  1 mov rbp, rsp  2 sub rsp, 0x10  3 mov [rbp-8], rdi  4 mov rax, [rbp-8]
// 5 mov rax, [rax]  6 leave  7 ret
const Bytes kSpill = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10, 0x48, 0x89, 0x7d,
                      0xf8, 0x48, 0x8b, 0x45, 0xf8, 0x48, 0x8b, 0x00, 0xc9, 0xc3};

TEST(StackLayout, FollowsBothPointers) {
  const Function f(kSpill);
  EXPECT_EQ(f.flow.layout().pointer(0, isa::x86::kRsp), -8);
  EXPECT_EQ(f.flow.layout().pointer(1, isa::x86::kRsp), -16);
  EXPECT_EQ(f.flow.layout().pointer(3, isa::x86::kRsp), -32);
  EXPECT_EQ(f.flow.layout().pointer(3, isa::x86::kRbp), -16);
  EXPECT_EQ(f.flow.layout().slot(4, f.code[4].memory[0]), -24);
  EXPECT_EQ(f.flow.layout().pointer(7, isa::x86::kRsp), -8);
}

// 0 sub rsp, 0x18  1 mov rdi, rsp  2 call  3 mov rax, [rsp]  4 add rsp, 0x18  5 ret
const Bytes kHandedOut = {0x48, 0x83, 0xec, 0x18, 0x48, 0x89, 0xe7, 0xe8, 0,    0,   0,
                          0,    0x48, 0x8b, 0x04, 0x24, 0x48, 0x83, 0xc4, 0x18, 0xc3};

TEST(StackLayout, ACopyOfTheStackPointerIsAnAddress) {
  Function f(kHandedOut);
  ASSERT_EQ(f.flow.layout().taken().size(), 1u);
  EXPECT_EQ(f.flow.layout().taken()[0].at, 1u);
  EXPECT_EQ(f.flow.layout().taken()[0].slot, -32);
  // The callee may have filled it in.
  EXPECT_THAT(f.flow.reaching(3, Spot::in_slot(-32, 8)).through, ElementsAre(2));
}

TEST(FrameFlow, ASlotIsReachedByItsStore) {
  Function f(kSpill);
  const Reaching found = f.flow.reaching(4, Spot::in_slot(-24, 8));
  EXPECT_THAT(found.at, ElementsAre(3));
  EXPECT_FALSE(found.from_entry);
  EXPECT_TRUE(found.is_single());
}

TEST(FrameFlow, ReadsASlotThatStillStands) {
  FrameState state{.registers = isa::RegisterFile(isa::Arch::kX86_64), .cfa = kStack + 64};
  state.current = 5;
  state.interrupted = true;
  state.on_stack = true;
  Bytes stack(256);
  stack[64 - 24] = 0x2a;
  Function f(kSpill, state, stack);
  EXPECT_EQ(f.flow.value(5, isa::x86::kRax), 0x2a);
}

// 0-2 stp x29, x30, [sp, #-32]!  3 mov x29, sp  4-5 stp x1, xzr, [sp, #16]
// 6-7 ldp x3, x4, [x0, #40]  8-9 ldp x5, x6, [sp, #16]  10-12 ldp x29, x30, [sp], #32  13 ret
const Bytes kPairs = {0xfd, 0x7b, 0xbe, 0xa9, 0xfd, 0x03, 0x00, 0x91, 0xe1, 0x7f,
                      0x01, 0xa9, 0x03, 0x90, 0x42, 0xa9, 0xe5, 0x1b, 0x41, 0xa9,
                      0xfd, 0x7b, 0xc2, 0xa8, 0xc0, 0x03, 0x5f, 0xd6};

Function pairs() { return Function(kPairs, {}, Bytes(256), isa::Arch::kAArch64); }

TEST(FrameFlow, EachHalfOfAPairHasItsOwnSlot) {
  Function f = pairs();
  EXPECT_EQ(f.flow.layout().pointer(3, isa::a64::kSp), -32);
  EXPECT_EQ(f.flow.layout().pointer(13, isa::a64::kSp), 0);
  EXPECT_THAT(f.flow.reaching(8, Spot::in_slot(-16, 8)).at, ElementsAre(4));
  EXPECT_THAT(f.flow.reaching(8, Spot::in_slot(-8, 8)).at, ElementsAre(5));
  EXPECT_EQ(f.code[5].stores_constant, 0u);
}

TEST(FrameFlow, TheSecondRegisterOfAPairIsLoadedFromBehindTheFirst) {
  Function f = pairs();
  const Reaching found = f.flow.reaching(8, Spot::in_register(isa::a64::kX0 + 4));
  ASSERT_THAT(found.at, ElementsAre(7));
  EXPECT_TRUE(f.code[7].loads_destination);
  EXPECT_EQ(f.code[7].memory[0].displacement, 48);
}

TEST(FunctionCode, APairAtTheStartIsEnteredOnce) {
  const Function f = pairs();
  EXPECT_TRUE(f.code.is_entry(0));
  EXPECT_FALSE(f.code.is_entry(1));
  EXPECT_EQ(f.code.at(kCode), 0u);
  EXPECT_EQ(f.code.before(kCode + 4), 2u);
}

// 0 mov rax, rdi  1 test rax, rax  2 jne 4  3 mov rax, rsi  4 mov rcx, [rax]  5 ret
const Bytes kReplaced = {0x48, 0x89, 0xf8, 0x48, 0x85, 0xc0, 0x75, 0x03,
                         0x48, 0x89, 0xf0, 0x48, 0x8b, 0x08, 0xc3};

TEST(FrameFlow, LeavesOutWaysThatTheValueContradicts) {
  Function f(kReplaced);
  const Spot rax = Spot::in_register(isa::x86::kRax);
  EXPECT_THAT(f.flow.reaching(4, rax).at, UnorderedElementsAre(3, 0));
  // Null in rdi would have been replaced.
  const Reaching null = f.flow.reaching(4, rax, 0);
  EXPECT_THAT(null.at, ElementsAre(3));
  EXPECT_EQ(null.excluded, 1u);
}

// 0 test edi, edi  1 je 4  2 mov rax, rsi  3 ret  4 xor eax, eax  5 ret
const Bytes kFind = {0x85, 0xff, 0x74, 0x04, 0x48, 0x89, 0xf0, 0xc3, 0x31, 0xc0, 0xc3};

TEST(FindReturns, TellsConstantsFromArguments) {
  Function f(kFind);
  const auto all = find_returns(f.flow, std::nullopt);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].kind, Returned::Kind::kArgument);
  EXPECT_EQ(all[0].argument, isa::x86::kRsi);
  EXPECT_EQ(all[1].kind, Returned::Kind::kConstant);
  EXPECT_EQ(all[1].at, 4u);
  const auto ones = find_returns(f.flow, 1);
  EXPECT_THAT(std::ranges::count(ones, Returned::Kind::kConstant, &Returned::kind), 0);
}

TEST(FrameFlow, SurvivesAnEmptyFunction) {
  Function f({});
  EXPECT_TRUE(f.flow.reaching(0, Spot::in_register(0)).lost);
  EXPECT_THAT(find_returns(f.flow, 0), IsEmpty());
}

}  // namespace
}  // namespace inquest::process
