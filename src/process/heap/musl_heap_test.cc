#include "process/heap/musl_heap.h"

#include <gtest/gtest.h>

#include "process/heap/fake_musl_test_util.h"

namespace inquest::process {
namespace {

constexpr uint32_t kOf48 = 2;  // sizeclass of 48-byte slots

std::vector<Block> all_blocks(Allocator& heap) {
  std::vector<Block> all;
  heap.visit([&](std::span<const Block> blocks) {
    all.insert(all.end(), blocks.begin(), blocks.end());
    return true;
  });
  return all;
}

TEST(MuslHeap, IsFoundByItsSecret) {
  const FakeMusl fake;
  const auto heap = fake.heap();
  ASSERT_NE(heap, nullptr);
  EXPECT_EQ(heap->name(), "musl mallocng");
}

TEST(MuslHeap, IsNotFoundWhenTheAreaHasAnotherSecret) {
  FakeMusl fake;
  fake.memory->set(FakeMusl::kArea, FakeMusl::kSecret + 1);
  EXPECT_EQ(fake.heap(), nullptr);
}

TEST(MuslHeap, KnowsTheSizeThatWasAskedFor) {
  for (const uint64_t size : {0, 1, 20, 39, 40, 43, 44}) {
    FakeMusl fake;
    const uint64_t slots = fake.group(10, kOf48);
    const uint64_t block = fake.take(slots, 3, size);
    const auto found = fake.heap()->locate(Address(block + 5));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->block.start, Address(block));
    EXPECT_EQ(found->block.size, size);
    EXPECT_EQ(found->block.state, BlockState::kLive);
    EXPECT_TRUE(found->proven);
  }
}

TEST(MuslHeap, FindsABlockThatStartsFurtherIn) {
  FakeMusl fake;
  const uint64_t slots = fake.group(4, 20);  // 1,168-byte slots
  const uint64_t block = fake.take(slots, 1, 1000, 7);
  EXPECT_EQ(block, slots + 72 * 16 + 7 * 16);
  const auto heap = fake.heap();
  const auto found = heap->locate(Address(block + 999));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->block.start, Address(block));
  EXPECT_EQ(found->block.size, 1000u);
  all_blocks(*heap);
  EXPECT_TRUE(heap->damage().empty());
}

TEST(MuslHeap, TellsFreedFromNeverHandedOut) {
  FakeMusl fake;
  const uint64_t slots = fake.group(10, kOf48);
  const uint64_t freed = fake.take(slots, 0, 40);
  fake.give_back(freed, slots, 0);
  const auto heap = fake.heap();
  const auto found = heap->locate(Address(freed));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->block.state, BlockState::kFreed);
  EXPECT_NE(found->place.find("the freed slots"), std::string::npos);
  EXPECT_EQ(heap->locate(Address(slots + 48 * 5))->block.state, BlockState::kUnused);
}

TEST(MuslHeap, GoesIntoGroupsInsideSlots) {
  FakeMusl fake;
  const uint64_t outer = fake.group(4, 23);  // 2,032-byte slots
  const uint64_t inner = fake.take(outer, 2, 16 + 30 * 16 - 4);
  fake.set_byte(inner - 3, 2 | 6 << 5);
  const uint64_t meta = fake.record(inner, 30, 0, 0);
  fake.memory->set(meta + 24, (uint64_t{1} << 30) - 1);
  const uint64_t block = fake.take(inner + 16, 4, 9);
  const auto heap = fake.heap();
  const auto found = heap->locate(Address(block));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->block.size, 9u);
  size_t live = 0;
  for (const Block& each : all_blocks(*heap)) live += each.state == BlockState::kLive;
  EXPECT_EQ(live, 1u);
}

TEST(MuslHeap, NamesTheBlockThatRanOver) {
  FakeMusl fake;
  const uint64_t slots = fake.group(10, kOf48);
  const uint64_t guilty = fake.take(slots, 3, 20), victim = fake.take(slots, 4, 40);
  fake.set_byte(guilty + 20, 'A');  // the byte behind what was asked for
  auto heap = fake.heap();
  const Address near[] = {Address(victim)};
  heap->check(near);
  ASSERT_EQ(heap->damage().size(), 1u);
  EXPECT_EQ(heap->damage().front().at, Address(guilty + 20));
  EXPECT_EQ(heap->damage().front().overflown->start, Address(guilty));
  fake.set_byte(guilty + 20, 0);
  fake.set_half(victim - 2, 0x4141);  // the header of the next one
  heap = fake.heap();
  all_blocks(*heap);
  ASSERT_EQ(heap->damage().size(), 1u);
  EXPECT_EQ(heap->damage().front().at, Address(victim - 2));
  EXPECT_EQ(heap->damage().front().overflown->start, Address(guilty));
}

TEST(MuslHeap, SeesAWriteOverTheHeaderOfAFreedBlock) {
  FakeMusl fake;
  const uint64_t slots = fake.group(10, kOf48);
  const uint64_t freed = fake.take(slots, 0, 40);
  fake.give_back(freed, slots, 0);
  fake.set_byte(freed - 3, 0x42);
  const auto heap = fake.heap();
  all_blocks(*heap);
  ASSERT_EQ(heap->damage().size(), 1u);
  EXPECT_EQ(heap->damage().front().kind, HeapDamage::Kind::kFreedWrite);
}

TEST(MuslHeap, SaysWhereFreeWouldLookForARecord) {
  FakeMusl fake;
  const uint64_t slots = fake.group(10, kOf48);
  const uint64_t block = fake.take(slots, 3, 20);
  EXPECT_EQ(fake.heap()->record_of(Address(block)), Address(FakeMusl::kFirstMeta));
  EXPECT_EQ(fake.heap()->record_of(Address(block + 8)), std::nullopt);
}

}  // namespace
}  // namespace inquest::process
