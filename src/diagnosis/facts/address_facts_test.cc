#include "diagnosis/facts/address_facts.h"

#include <gtest/gtest.h>

#include "diagnosis/facts/fake_memory_test_util.h"

namespace inquest::diagnosis {
namespace {

class AddressTest : public ::testing::Test {
 protected:
  AddressFacts classify(uint64_t value, AccessKind access = AccessKind::kRead,
                        uint32_t alignment = 1) {
    if (!classifier_) {
      modules_.emplace(process::ModuleSet::resolve(process_.image, {}));
      map_.emplace(process_.image, *modules_);
      classifier_.emplace(*map_, *modules_, nullptr);
    }
    return classifier_->classify({Address(value), access, alignment, 0, std::nullopt});
  }

  FakeProcess process_;
  std::optional<process::ModuleSet> modules_;
  std::optional<MemoryMap> map_;
  std::optional<AddressClassifier> classifier_;
};

TEST_F(AddressTest, NullAndWhatLiesBehindIt) {
  EXPECT_TRUE(classify(0).has(AddressTrait::kNull));
  EXPECT_FALSE(classify(0).has(AddressTrait::kNearNull));
  EXPECT_TRUE(classify(0x38).has(AddressTrait::kNearNull));
  EXPECT_FALSE(classify(0x10000).has(AddressTrait::kNearNull));
  EXPECT_TRUE(classify(0x54321).has(AddressTrait::kSmallInteger));
}

TEST_F(AddressTest, NonCanonicalTextIsBoth) {
  const AddressFacts facts = classify(0x4141414141414141);
  EXPECT_TRUE(facts.has(AddressTrait::kNonCanonical));
  EXPECT_TRUE(facts.has(AddressTrait::kText));
  EXPECT_EQ(facts.text, "AAAAAAAA");
}

TEST_F(AddressTest, Utf16TextIsTold) {
  const AddressFacts facts = classify(0x0064006c0072006f);  // "orld"
  EXPECT_TRUE(facts.has(AddressTrait::kUtf16Text));
  EXPECT_EQ(facts.text, "orld");
}

TEST_F(AddressTest, AccessNeedsPermission) {
  EXPECT_TRUE(classify(FakeProcess::kConstants + 8, AccessKind::kWrite)
                  .has(AddressTrait::kReadOnlyMapping));
  EXPECT_FALSE(
      classify(FakeProcess::kConstants + 8, AccessKind::kRead).has(AddressTrait::kReadOnlyMapping));
  EXPECT_TRUE(
      classify(FakeProcess::kHeap + 8, AccessKind::kExecute).has(AddressTrait::kNoExecuteMapping));
}

TEST_F(AddressTest, StacksAndTheirGuards) {
  const AddressFacts guard = classify(FakeProcess::kThreadStack - 8);
  EXPECT_TRUE(guard.has(AddressTrait::kGuardPage));
  EXPECT_TRUE(guard.has(AddressTrait::kNoAccessMapping));
  EXPECT_EQ(guard.distance, 8u);
  EXPECT_TRUE(classify(FakeProcess::kStack - 8).has(AddressTrait::kGuardPage));
  EXPECT_TRUE(classify(FakeProcess::kThreadStack + 8).has(AddressTrait::kInStackOfOtherThread));
  const AddressFacts dead = classify(FakeProcess::kStack + 0x100);
  EXPECT_TRUE(dead.has(AddressTrait::kInOwnStack));
  EXPECT_TRUE(dead.has(AddressTrait::kBelowStackPointer));
  EXPECT_FALSE(classify(FakeProcess::kStack + 0x20010).has(AddressTrait::kBelowStackPointer));
}

TEST_F(AddressTest, EndsOfMappingsAreNamed) {
  const AddressFacts past = classify(FakeProcess::kHeap + FakeProcess::kHeapSize + 16);
  EXPECT_TRUE(past.has(AddressTrait::kJustPastMapping));
  EXPECT_EQ(past.distance, 16u);
  EXPECT_EQ(past.mapping, "the heap");
  EXPECT_TRUE(classify(FakeProcess::kHeap - 8).has(AddressTrait::kJustBeforeMapping));
}

TEST_F(AddressTest, LastLinkOfATcacheListIsThePageNumberOfItsChunk) {
  const AddressFacts facts = classify((FakeProcess::kHeap + 0x2a0) >> 12);
  EXPECT_TRUE(facts.has(AddressTrait::kFreedTcacheLink)) << facts.statement;
}

TEST_F(AddressTest, OtherLinksOfATcacheListAreFoundToo) {
  const uint64_t chunk = FakeProcess::kHeap + 0x52a0, next = FakeProcess::kHeap + 0x112c0;
  EXPECT_TRUE(classify((chunk >> 12) ^ next).has(AddressTrait::kFreedTcacheLink));
  // Any other value of this size is none.
  EXPECT_FALSE(classify(0x345612345670).has(AddressTrait::kFreedTcacheLink));
}

TEST_F(AddressTest, DamagedPointersAreRecognised) {
  EXPECT_TRUE(
      classify((FakeProcess::kHeap + 0x1230) & 0xffffffff).has(AddressTrait::kTruncatedPointer));
  // The stack lies at 0x7ffd00000000; sign extension of bit 31.
  EXPECT_TRUE(
      classify((FakeProcess::kHeap + 0x1230) ^ (uint64_t{1} << 45)).has(AddressTrait::kBitFlip));
  EXPECT_FALSE(classify(0x123456789000).has(AddressTrait::kBitFlip));
}

TEST_F(AddressTest, MisalignmentNeedsAnInstructionThatCares) {
  EXPECT_TRUE(
      classify(FakeProcess::kHeap + 8, AccessKind::kRead, 16).has(AddressTrait::kMisaligned));
  EXPECT_FALSE(
      classify(FakeProcess::kHeap + 8, AccessKind::kRead, 8).has(AddressTrait::kMisaligned));
}

TEST_F(AddressTest, TagsOfAArch64AreNoPartOfTheAddressButOfAPattern) {
  process_.image.arch = isa::Arch::kAArch64;
  EXPECT_TRUE(classify(0xb400000000000000 | FakeProcess::kHeap).has(AddressTrait::kInHeap));
  EXPECT_TRUE(classify(0x5a5a5a5a5a5a5a5a).has(AddressTrait::kPoison));
}

TEST_F(AddressTest, PoisonWithAnOffsetKeepsItsName) {
  const AddressFacts facts = classify(0xdddddddddddddddd + 0x18);
  EXPECT_TRUE(facts.has(AddressTrait::kPoison));
  EXPECT_NE(facts.poison_name.find("0xdd"), std::string::npos);
  EXPECT_TRUE(classify(0xdeadbeef).has(AddressTrait::kPoison));
  EXPECT_TRUE(classify(0xdeadbeefdeadbeef).has(AddressTrait::kPoison));
}

}  // namespace
}  // namespace inquest::diagnosis
