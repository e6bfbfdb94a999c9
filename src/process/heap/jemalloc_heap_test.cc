#include "process/heap/jemalloc_heap.h"

#include <gtest/gtest.h>

#include "process/heap/fake_jemalloc_test_util.h"

namespace inquest::process {
namespace {

constexpr uint32_t k16 = 1, k160 = 9;  // size classes with a quantum of 16

// A busy heap: slabs of two classes, a large block, spare pages.
struct Busy {
  FakeJemalloc fake;
  uint64_t small, medium, large, spare;

  explicit Busy(size_t format = 0, size_t shape = 0) : fake(format, shape) {
    small = fake.slab(k16);
    medium = fake.slab(k160, 5);
    fake.take(small, 7);
    large = fake.extent(9, fake.classes.small_count() + 4, false, 0, 0x140);
    spare = fake.extent(3, 232, false, 1);
    fake.extent(4, 232, true, 3);  // retained pages may still say that they are a slab
  }
};

TEST(Jemalloc, EachFormatAndShapeIsTold) {
  const char* versions[] = {"jemalloc 5.3 or later", "jemalloc 5.1 - 5.2", "jemalloc 5.0"};
  for (size_t format = 0; format < 3; ++format) {
    for (size_t shape = 0; shape < jemalloc::shapes().size(); ++shape) {
      Busy busy(format, shape);
      const uint64_t block = busy.fake.take(busy.medium, 2);
      const auto heap = busy.fake.heap();
      ASSERT_TRUE(heap) << format << " " << shape;
      EXPECT_EQ(heap->name(), versions[format]) << shape;
      const auto found = heap->locate(Address(block + 5));
      ASSERT_TRUE(found);
      EXPECT_EQ(found->block.start, Address(block));
      EXPECT_EQ(found->block.size, 160U);
      EXPECT_EQ(found->block.state, BlockState::kLive);
      EXPECT_TRUE(found->proven);
    }
  }
}

TEST(Jemalloc, ASlabTellsItsFreeBlocksAndNeighbours) {
  Busy busy;
  const uint64_t block = busy.fake.take(busy.medium, 1);
  const auto heap = busy.fake.heap();
  const auto found = heap->locate(Address(block + 170));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->block.state, BlockState::kFreed);
  EXPECT_NE(found->place.find("the free blocks of the slab at"), std::string::npos);
  ASSERT_TRUE(found->before);
  EXPECT_EQ(found->before->start, Address(block));
  EXPECT_EQ(found->before->state, BlockState::kLive);
  const auto first = heap->locate(Address(block - 160));
  ASSERT_TRUE(first && first->before);
  EXPECT_EQ(first->before->size, 16U);  // the last one of the slab in front
}

TEST(Jemalloc, ThreadsCachesTellWhatIsFreed) {
  for (size_t format = 0; format < 3; ++format) {
    Busy busy(format);
    const uint64_t block = busy.fake.take(busy.medium, 3);
    busy.fake.to_cache(block, k160);
    const auto heap = busy.fake.heap();
    ASSERT_TRUE(heap);
    const auto found = heap->locate(Address(block));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->block.state, BlockState::kFreed);
    EXPECT_EQ(found->place, "thread 100's tcache bin for 160-byte blocks");
    heap->check({});
    EXPECT_TRUE(heap->damage().empty());
  }
}

TEST(Jemalloc, WithoutCachesWhatIsInUseIsNotProven) {
  Busy busy;
  const uint64_t block = busy.fake.take(busy.medium, 3);
  busy.fake.image.threads.clear();
  const auto heap = busy.fake.heap();
  const auto found = heap->locate(Address(block));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->block.state, BlockState::kLive);
  EXPECT_FALSE(found->proven);
  EXPECT_FALSE(heap->notes().empty());
}

TEST(Jemalloc, LargeBlocksBeginInTheirFirstPage) {
  Busy busy;
  const auto heap = busy.fake.heap();
  const uint64_t start = busy.fake.start_of(busy.large);
  const auto inside = heap->locate(Address(start + 5 * 4096));
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->block.start, Address(start));
  EXPECT_EQ(inside->block.size, busy.fake.classes.size(busy.fake.classes.small_count() + 4));
  const auto in_front = heap->locate(Address(start - 0x100));
  ASSERT_TRUE(in_front);
  EXPECT_EQ(in_front->block.state, BlockState::kInternal);
  const auto spare = heap->locate(Address(busy.fake.start_of(busy.spare) + 4096));
  ASSERT_TRUE(spare);
  EXPECT_EQ(spare->block.state, BlockState::kFreed);
  EXPECT_NE(spare->place.find("dirty"), std::string::npos);
}

struct Wrong {
  const char* name;
  void (*make)(Busy&);
  HeapDamage::Kind kind;
  const char* words;
};

TEST(Jemalloc, WhatFreeWasGivenWronglyIsFound) {
  const Wrong all[] = {
      {"twice",
       [](Busy& b) {
         const uint64_t block = b.fake.take(b.medium, 3);
         b.fake.to_cache(block, k160);
         b.fake.to_cache(block, k160);
       },
       HeapDamage::Kind::kDoubleFree, "was freed twice"},
      {"in the slab too", [](Busy& b) { b.fake.to_cache(b.fake.start_of(b.medium) + 160, k160); },
       HeapDamage::Kind::kDoubleFree, "its slab has it back"},
      {"inside", [](Busy& b) { b.fake.to_cache(b.fake.take(b.medium, 3) + 16, k160); },
       HeapDamage::Kind::kList, "is 16 bytes inside the block of 160 bytes"},
      {"a wrong size", [](Busy& b) { b.fake.to_cache(b.fake.take(b.medium, 3), k16); },
       HeapDamage::Kind::kList, "is of 160 bytes: it was freed with a size that it does not have"},
      {"miscounted", [](Busy& b) { b.fake.count(b.medium, -1); }, HeapDamage::Kind::kBoundary,
       "free blocks, but marks"},
  };
  for (const Wrong& wrong : all) {
    Busy busy;
    // What is right speaks for the cache: it is found by what most of it holds.
    for (uint64_t i = 0; i < 6; ++i) busy.fake.to_cache(busy.fake.take(busy.small, i), k16);
    wrong.make(busy);
    const auto heap = busy.fake.heap();
    ASSERT_TRUE(heap) << wrong.name;
    const Address near[] = {Address(busy.fake.start_of(busy.medium))};
    heap->check(near);
    ASSERT_EQ(heap->damage().size(), 1U) << wrong.name;
    EXPECT_EQ(heap->damage()[0].kind, wrong.kind) << wrong.name;
    EXPECT_NE(heap->damage()[0].what.find(wrong.words), std::string::npos)
        << heap->damage()[0].what;
  }
}

TEST(Jemalloc, ARecordOfOtherMemoryIsDamage) {
  Busy busy;
  for (int i = 0; i < 24; ++i) busy.fake.slab(k16);
  const uint64_t broken = busy.fake.slab(k160), start = busy.fake.start_of(broken);
  busy.fake.set(broken + 8, 0x7e0000000000);
  const auto heap = busy.fake.heap();
  ASSERT_TRUE(heap);
  const auto found = heap->locate(Address(start + 32));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->block.state, BlockState::kUnknown);
  heap->visit([](std::span<const Block>) { return true; });
  ASSERT_EQ(heap->damage().size(), 1U);
  EXPECT_EQ(heap->damage()[0].at, Address(broken));
}

TEST(Jemalloc, NothingWhenRecordsDisagree) {
  Busy busy;
  for (const uint64_t record : {busy.small, busy.medium, busy.large, busy.spare})
    busy.fake.set(record + 8, 0x7e0000000000);
  EXPECT_FALSE(busy.fake.heap());
}

TEST(Jemalloc, VisitShowsEveryBlockOnce) {
  Busy busy;
  const auto heap = busy.fake.heap();
  Address at(0);
  uint64_t live = 0;
  heap->visit([&](std::span<const Block> blocks) {
    for (const Block& block : blocks) {
      EXPECT_GE(block.start, at);
      at = block.end();
      if (block.state == BlockState::kLive) ++live;
    }
    return true;
  });
  EXPECT_EQ(live, 2U);  // the 16-byte one and the large one
  ASSERT_EQ(heap->regions().size(), 1U);
  EXPECT_EQ(heap->regions()[0].range.start, Address(FakeJemalloc::kHeap));
}

}  // namespace
}  // namespace inquest::process
