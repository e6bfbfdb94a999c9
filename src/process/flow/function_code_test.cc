#include "process/flow/function_code.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace inquest::process {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

class CodeMemory final : public MemoryReader {
 public:
  explicit CodeMemory(Bytes code) : code_(std::move(code)) {}
  ByteView view(Address address, uint64_t max) const override {
    if (address < Address(0x1000) || address - Address(0x1000) >= code_.size()) return {};
    const uint64_t offset = address - Address(0x1000);
    return ByteView(code_).subspan(offset, std::min<uint64_t>(max, code_.size() - offset));
  }
  Missing why_missing(Address address) const override {
    return view(address, 1).empty() ? Missing::kUnmapped : Missing::kNone;
  }

 private:
  Bytes code_;
};

FunctionCode decoded(Bytes code) {
  const uint64_t size = code.size();
  const CodeMemory memory(std::move(code));
  return FunctionCode::decode(isa::Arch::kX86_64, memory, {Address(0x1000), Address(0x1000) + size},
                              Address(0x1000));
}

// 0: test edi, edi   1: je 3   2: mov rax, rsi   3: mov rcx, rax   4: ret
const Bytes kBranch = {0x85, 0xff, 0x74, 0x03, 0x48, 0x89, 0xf0, 0x48, 0x89, 0xc1, 0xc3};

TEST(FunctionCode, DefinitionsComeFromEveryPath) {
  const auto code = decoded(kBranch);
  ASSERT_EQ(code.size(), 5u);
  const auto found = code.definitions(3, isa::x86::kRax);
  EXPECT_THAT(found.at, ElementsAre(2));
  EXPECT_TRUE(found.from_entry);
  EXPECT_FALSE(found.lost);
}

TEST(FunctionCode, PredecessorsAreJumpsAndTheInstructionBefore) {
  const auto code = decoded(kBranch);
  EXPECT_THAT(code.predecessors(3), UnorderedElementsAre(1, 2));
  EXPECT_THAT(code.predecessors(2), ElementsAre(1));
  EXPECT_TRUE(code.predecessors(0).empty());
}

TEST(FunctionCode, CallsChangeWhatTheyNeedNotPreserve) {
  // call +0; mov rdi, rbx; ret
  const auto code = decoded({0xe8, 0, 0, 0, 0, 0x48, 0x89, 0xdf, 0xc3});
  EXPECT_TRUE(code.changes(code[0], isa::x86::kRax));
  EXPECT_TRUE(code.changes(code[0], isa::x86::kRdi));
  EXPECT_FALSE(code.changes(code[0], isa::x86::kRbx));
  EXPECT_FALSE(code.changes(code[0], isa::x86::kRsp));
}

TEST(FunctionCode, LoopsEnd) {
  // 0: mov rax, rdi  1: add rax, 8  2: jmp 1
  const auto code = decoded({0x48, 0x89, 0xf8, 0x48, 0x83, 0xc0, 0x08, 0xeb, 0xfa});
  ASSERT_EQ(code.size(), 3u);
  EXPECT_THAT(code.definitions(1, isa::x86::kRax).at, UnorderedElementsAre(0, 1));
  EXPECT_FALSE(code.definitions(1, isa::x86::kRax).from_entry);
  EXPECT_TRUE(code.definitions(2, isa::x86::kRdx).from_entry);
}

TEST(FunctionCode, CodeBehindAnUnknownJumpBelongsToIt) {
  // 0: jmp rax  1: mov rcx, rdx  2: ret
  const auto code = decoded({0xff, 0xe0, 0x48, 0x89, 0xd1, 0xc3});
  EXPECT_THAT(code.predecessors(1), ElementsAre(0));
}

TEST(FunctionCode, BytesThatDoNotDecodeEndIt) {
  const auto code = decoded({0x90, 0x06, 0x06});  // push es does not exist in 64-bit mode
  EXPECT_EQ(code.size(), 1u);
  EXPECT_EQ(code.at(Address(0x1000)), 0u);
  EXPECT_EQ(code.at(Address(0x1001)), std::nullopt);
  EXPECT_EQ(code.before(Address(0x1001)), 0u);
}

}  // namespace
}  // namespace inquest::process
