#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "process/heap/fake_heap_test_util.h"

namespace inquest::process {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

std::map<uint64_t, Block> all_blocks(Allocator& heap) {
  std::map<uint64_t, Block> blocks;
  heap.visit([&](std::span<const Block> batch) {
    for (const Block& block : batch) blocks[block.start.value] = block;
    return true;
  });
  return blocks;
}

TEST(GlibcHeap, NoneWithoutAnArena) {
  ProcessImage image;
  auto memory = std::make_unique<FakeHeapMemory>();
  const FakeHeapMemory& reader = *memory;
  image.memory = std::move(memory);
  EXPECT_THAT(recognise({.image = image, .modules = nullptr, .memory = reader}), IsEmpty());
}

TEST(GlibcHeap, VisitsEveryChunkWithItsState) {
  FakeGlibc fake;
  const uint64_t live = fake.take(0x40), cached = fake.take(0x40), fast = fake.take(0x30);
  const uint64_t binned = fake.take(0x420), last = fake.take(0x20);
  fake.to_tcache(cached);
  fake.to_fastbin(fast);
  fake.to_bin(binned, 0);
  const auto heap = fake.heap();
  ASSERT_NE(heap, nullptr);
  EXPECT_EQ(heap->name(), "glibc malloc");
  auto blocks = all_blocks(*heap);
  EXPECT_EQ(blocks.size(), 7u);
  EXPECT_EQ(blocks[FakeGlibc::kTcache].state, BlockState::kInternal);
  EXPECT_EQ(blocks[live].state, BlockState::kLive);
  EXPECT_EQ(blocks[live].size, 0x38u);
  EXPECT_EQ(blocks[live].footprint, 0x40u);
  EXPECT_EQ(blocks[cached].state, BlockState::kFreed);
  EXPECT_EQ(heap->places()[blocks[cached].place], "thread 100's tcache bin for 0x40-byte chunks");
  EXPECT_EQ(blocks[fast].state, BlockState::kFreed);
  EXPECT_EQ(heap->places()[blocks[fast].place],
            "the fastbin for 0x30-byte chunks of the main arena");
  EXPECT_EQ(blocks[binned].state, BlockState::kFreed);
  EXPECT_EQ(blocks[last].state, BlockState::kLive);
  EXPECT_EQ(blocks[fake.top + 16].state, BlockState::kUnused);
  EXPECT_THAT(heap->damage(), IsEmpty());
  EXPECT_THAT(heap->notes(), IsEmpty());
}

TEST(GlibcHeap, LocatesAnAddressInsideABlockWithItsNeighbours) {
  FakeGlibc fake;
  const uint64_t first = fake.take(0x40), second = fake.take(0x90), third = fake.take(0x20);
  fake.to_tcache(third);
  const auto found = fake.heap()->locate(Address(second + 0x21));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->block.start, Address(second));
  EXPECT_EQ(found->block.size, 0x88u);
  EXPECT_EQ(found->block.state, BlockState::kLive);
  EXPECT_TRUE(found->proven);
  EXPECT_EQ(found->proof,
            "walked 3 chunks from 0x555500100000, which the allocator's own records name");
  ASSERT_TRUE(found->before && found->behind);
  EXPECT_EQ(found->before->start, Address(first));
  EXPECT_EQ(found->behind->start, Address(third));
  EXPECT_EQ(found->behind->state, BlockState::kFreed);
}

TEST(GlibcHeap, LocatesFreedBlocksByTheirList) {
  FakeGlibc fake;
  const uint64_t cached = fake.take(0x90), binned = fake.take(0x420), sorted = fake.take(0x410);
  fake.take(0x20);
  fake.to_tcache(cached);
  fake.to_bin(binned, 0);
  fake.set(sorted + 0x408 - 8, 0);
  const auto heap = fake.heap();
  EXPECT_EQ(heap->locate(Address(cached + 8))->place,
            "thread 100's tcache bin for 0x90-byte chunks");
  EXPECT_EQ(heap->locate(Address(binned + 8))->place, "the unsorted bin of the main arena");
  EXPECT_EQ(heap->locate(Address(binned + 8))->before->start, Address(cached));
  EXPECT_EQ(heap->locate(Address(FakeGlibc::kTcache + 4))->place,
            "the record of thread 100's tcache");
  EXPECT_EQ(heap->locate(Address(fake.top + 0x100))->place, "the unused end of the main arena");
  EXPECT_EQ(heap->locate(Address(0x1234)), std::nullopt);
}

TEST(GlibcHeap, LinksThatAreNotMangledAreFollowedToo) {
  FakeGlibc fake;
  const uint64_t first = fake.take(0x40), second = fake.take(0x40);
  fake.to_tcache(first);
  fake.to_tcache(second);
  fake.set(first, 0);
  fake.set(second, first);
  const auto heap = fake.heap();
  EXPECT_EQ(heap->locate(Address(first))->block.state, BlockState::kFreed);
  EXPECT_EQ(heap->locate(Address(second))->block.state, BlockState::kFreed);
}

TEST(GlibcHeap, ArenasWithoutFastbins) {
  // As of 2.43: bins[] stands right behind the lock, the flags and the top.
  FakeGlibc fake;
  const uint64_t live = fake.take(0x40);
  const uint64_t next = FakeGlibc::kBins + 0x800;
  fake.set(next, FakeGlibc::kBins - 0x18);
  const auto heap = fake.heap();
  ASSERT_NE(heap, nullptr);
  EXPECT_EQ(heap->locate(Address(live))->block.state, BlockState::kLive);
}

TEST(GlibcHeap, FindsChunksThatWereMappedAlone) {
  FakeGlibc fake;
  constexpr uint64_t kMapped = 0x7e0000000000;
  fake.add(kMapped, 0x60000);
  fake.set(kMapped + 8, 0x21000 | 2);
  fake.set(kMapped + 0x21008, 0x3f000 | 2);
  // memalign(4096) inside the second one.
  fake.set(kMapped + 0x21000 + 0xff0, 0xff0);
  fake.set(kMapped + 0x21000 + 0xff8, (0x3f000 - 0xff0) | 2);
  const auto heap = fake.heap();
  auto blocks = all_blocks(*heap);
  EXPECT_EQ(blocks[kMapped + 16].size, 0x20ff0u);
  EXPECT_EQ(blocks[kMapped + 0x22000].size, 0x3f000u - 0x1000);
  const auto found = heap->locate(Address(kMapped + 0x5000));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->block.start, Address(kMapped + 16));
  EXPECT_EQ(heap->locate(Address(kMapped + 0x30000))->block.start, Address(kMapped + 0x22000));
}

// --- damage

TEST(GlibcHeap, NamesTheBlockThatRanOver) {
  FakeGlibc fake;
  const uint64_t guilty = fake.take(0x30), victim = fake.take(0x90), later = fake.take(0x50);
  fake.set(victim - 8, 0x4141414141414141);
  const auto heap = fake.heap();
  auto blocks = all_blocks(*heap);
  EXPECT_EQ(blocks[later].state, BlockState::kLive);
  EXPECT_EQ(blocks[victim].state, BlockState::kUnknown);
  ASSERT_EQ(heap->damage().size(), 1u);
  const HeapDamage& damage = heap->damage().front();
  EXPECT_EQ(damage.kind, HeapDamage::Kind::kSize);
  EXPECT_EQ(damage.at, Address(victim - 8));
  EXPECT_THAT(damage.what, HasSubstr("0x4141414141414141"));
  ASSERT_TRUE(damage.overflown.has_value());
  EXPECT_EQ(damage.overflown->start, Address(guilty));
  EXPECT_EQ(damage.overflown->size, 0x28u);
}

TEST(GlibcHeap, CheckFindsDamageNearAnAddressOnly) {
  FakeGlibc fake;
  fake.take(0x30);
  const uint64_t victim = fake.take(0x90);
  fake.set(victim - 8, 0x4141414141414141);
  const auto heap = fake.heap();
  const Address near[] = {Address(victim)};
  heap->check(near);
  EXPECT_EQ(heap->damage().size(), 1u);
}

TEST(GlibcHeap, AClearedInUseBitDisagreesWithTheSizeBefore) {
  FakeGlibc fake;
  const uint64_t guilty = fake.take(0x110), victim = fake.take(0x110);
  fake.take(0x20);
  fake.set(victim - 8, 0x110);  // a terminating NUL went one byte too far
  const auto heap = fake.heap();
  all_blocks(*heap);
  ASSERT_EQ(heap->damage().size(), 1u);
  EXPECT_EQ(heap->damage().front().kind, HeapDamage::Kind::kBoundary);
  EXPECT_EQ(heap->damage().front().overflown->start, Address(guilty));
}

TEST(GlibcHeap, SeesWritesToFreedBlocks) {
  FakeGlibc fake;
  const uint64_t a = fake.take(0x40), b = fake.take(0x40), c = fake.take(0x40), d = fake.take(0x40);
  for (const uint64_t block : {a, b, c, d}) fake.to_tcache(block);
  fake.set(b + 8, 0x4242424242424242);
  fake.set(c, 0x4343434343434343);
  const auto heap = fake.heap();
  heap->check({});
  EXPECT_THAT(heap->damage(),
              Contains(AllOf(Field(&HeapDamage::kind, HeapDamage::Kind::kFreedWrite),
                             Field(&HeapDamage::at, Address(c)))));
}

TEST(GlibcHeap, SeesABlockThatIsFreeTwice) {
  FakeGlibc fake;
  const uint64_t a = fake.take(0x40), b = fake.take(0x40);
  fake.to_tcache(a);
  fake.to_tcache(b);
  fake.to_tcache(a);
  const auto heap = fake.heap();
  heap->check({});
  EXPECT_THAT(heap->damage(),
              Contains(AllOf(Field(&HeapDamage::kind, HeapDamage::Kind::kDoubleFree),
                             Field(&HeapDamage::at, Address(a)))));
}

TEST(GlibcHeap, SeesADamagedTop) {
  FakeGlibc fake;
  const uint64_t last = fake.take(0x40);
  fake.set(fake.top + 8, ~uint64_t{0});
  const auto heap = fake.heap();
  all_blocks(*heap);
  ASSERT_EQ(heap->damage().size(), 1u);
  EXPECT_EQ(heap->damage().front().kind, HeapDamage::Kind::kTop);
  EXPECT_EQ(heap->damage().front().overflown->start, Address(last));
}

TEST(GlibcHeap, SeesABinWhoseLinksDisagree) {
  FakeGlibc fake;
  const uint64_t binned = fake.take(0x420);
  fake.take(0x20);
  fake.to_bin(binned, 0);
  fake.set(binned + 8, 0x4444444444444444);
  const auto heap = fake.heap();
  heap->check({});
  ASSERT_EQ(heap->damage().size(), 1u);
  EXPECT_EQ(heap->damage().front().kind, HeapDamage::Kind::kList);
  EXPECT_EQ(heap->damage().front().at, Address(binned + 8));
}

}  // namespace
}  // namespace inquest::process
