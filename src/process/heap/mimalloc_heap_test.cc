#include "process/heap/mimalloc_heap.h"

#include <gtest/gtest.h>

#include "process/heap/fake_mimalloc_test_util.h"

namespace inquest::process {
namespace {

size_t count(Allocator& heap, BlockState state) {
  size_t found = 0;
  heap.visit([&](std::span<const Block> blocks) {
    for (const Block& block : blocks) found += block.state == state;
    return true;
  });
  return found;
}

TEST(MimallocHeap, FindsASegmentAndItsPages) {
  const FakeMimalloc fake;
  const auto heap = fake.heap();
  ASSERT_NE(heap, nullptr);
  EXPECT_EQ(heap->name(), "mimalloc 2");
  EXPECT_EQ(count(*heap, BlockState::kLive), 64u + 64u + 1u);
  EXPECT_TRUE(heap->damage().empty());
}

TEST(MimallocHeap, AnswersNothingWhenTheTableDoesNotEnd) {
  FakeMimalloc fake;
  fake.memory->set(fake.record(2), 9);  // more slices than there are
  EXPECT_EQ(fake.heap(), nullptr);
}

TEST(MimallocHeap, TellsTheListOfAFreedBlock) {
  for (const bool encoded : {false, true}) {
    FakeMimalloc fake(encoded);
    fake.give_back(1, 5);
    fake.give_back(1, 9);
    fake.give_back(1, 3, 16);
    fake.give_back_from_afar(2, 7);
    const auto heap = fake.heap();
    ASSERT_NE(heap, nullptr) << encoded;
    const auto local = heap->locate(Address(fake.block(1, 5) + 47));
    ASSERT_TRUE(local);
    EXPECT_EQ(local->block.start, Address(fake.block(1, 5)));
    EXPECT_EQ(local->block.size, 48u);
    EXPECT_EQ(local->block.state, BlockState::kFreed);
    EXPECT_NE(local->place.find("freed by their own thread"), std::string::npos);
    EXPECT_NE(local->place.find("thread 7"), std::string::npos);
    EXPECT_NE(heap->locate(Address(fake.block(1, 3)))->place.find("the free list"),
              std::string::npos);
    EXPECT_NE(heap->locate(Address(fake.block(2, 7)))->place.find("freed by other threads"),
              std::string::npos);
    EXPECT_EQ(heap->locate(Address(fake.block(1, 6)))->block.state, BlockState::kLive);
    EXPECT_EQ(count(*heap, BlockState::kLive), 129u - 4u);
    EXPECT_TRUE(heap->damage().empty()) << heap->damage().front().what;
  }
}

TEST(MimallocHeap, FindsBlocksInTheDelayedListOfTheirHeap) {
  FakeMimalloc fake;
  fake.memory->set(FakeMimalloc::kHeap + 8, fake.block(2, 4));
  const auto heap = fake.heap();
  EXPECT_NE(heap->locate(Address(fake.block(2, 4)))->place.find("delayed"), std::string::npos);
}

TEST(MimallocHeap, KnowsThePartThatWasNeverMadeReady) {
  const FakeMimalloc fake;
  const auto found = fake.heap()->locate(Address(FakeMimalloc::start_of(1) + 64 * 48 + 5));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->block.state, BlockState::kUnused);
  EXPECT_EQ(fake.heap()->locate(Address(FakeMimalloc::start_of(4)))->block.state,
            BlockState::kFreed);
}

TEST(MimallocHeap, SeesABlockThatWasFreedTwice) {
  FakeMimalloc fake;
  fake.give_back(1, 5);
  fake.give_back(1, 9);
  fake.give_back(1, 5);
  const auto heap = fake.heap();
  const Address near[] = {Address(fake.block(1, 9))};
  heap->check(near);
  ASSERT_EQ(heap->damage().size(), 1u);
  EXPECT_EQ(heap->damage().front().kind, HeapDamage::Kind::kDoubleFree);
  EXPECT_EQ(heap->damage().front().at, Address(fake.block(1, 5)));
}

TEST(MimallocHeap, NamesWhatStandsBeforeAnOverwrittenLink) {
  FakeMimalloc fake;
  fake.give_back(1, 5);
  fake.memory->set(fake.block(1, 5), 0x4141414141414141);
  const auto heap = fake.heap();
  const Address near[] = {Address(fake.block(1, 9))};
  heap->check(near);
  ASSERT_EQ(heap->damage().size(), 1u);
  EXPECT_EQ(heap->damage().front().at, Address(fake.block(1, 5)));
  EXPECT_EQ(heap->damage().front().overflown->start, Address(fake.block(1, 4)));
}

TEST(MimallocHeap, SeesCountsThatDisagree) {
  FakeMimalloc fake;
  fake.memory->set(fake.record(1) + 32, 40);
  const auto heap = fake.heap();
  const Address near[] = {Address(fake.block(1, 9))};
  heap->check(near);
  ASSERT_EQ(heap->damage().size(), 1u);
  EXPECT_EQ(heap->damage().front().kind, HeapDamage::Kind::kBoundary);
}

}  // namespace
}  // namespace inquest::process
