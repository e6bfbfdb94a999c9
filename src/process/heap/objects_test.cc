#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "process/heap/block_map.h"
#include "process/heap/census.h"
#include "process/heap/fake_heap_test_util.h"
#include "process/heap/object_names.h"
#include "process/heap/reachability.h"
#include "process/heap/roots.h"

namespace inquest::process {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::unique_ptr<Allocator>> heaps_of(const FakeGlibc& fake) {
  return recognise(fake.input());
}

TEST(Roots, ScanFindsAlignedWordsInTheTarget) {
  FakeGlibc fake;
  const uint64_t block = fake.take(0x400);
  fake.set(block + 0x18, 0x1234);
  fake.set(block + 0x3e0, 0x12ff);
  fake.set(block + 0x3e8, 0x1300);
  std::vector<uint64_t> found;
  scan_words(*fake.memory, {Address(block), Address(block + 0x3f0)},
             {Address(0x1200), Address(0x1300)},
             [&](Address at, uint64_t) { found.push_back(at.value - block); });
  EXPECT_THAT(found, ElementsAre(0x18, 0x3e0));
}

TEST(Roots, ReferencesComeFromRegistersAndMemory) {
  FakeGlibc fake;
  const uint64_t block = fake.take(0x40);
  fake.set(FakeGlibc::kData + 0x100, block + 8);
  fake.image.threads[0].registers.set(isa::x86::kRbx, block);
  const References found =
      find_references(fake.input(), {.target = {Address(block), Address(block + 0x38)},
                                     .heap = {},
                                     .records = fake.heap()->records()});
  ASSERT_EQ(found.found.size(), 2u);
  EXPECT_EQ(found.found[0].register_name, "rbx");
  EXPECT_EQ(found.found[1].at, Address(FakeGlibc::kData + 0x100));
  EXPECT_EQ(found.found[1].to, Address(block + 8));
}

TEST(ObjectNames, StringsAndVectorsByTheShapeOfTheirOwner) {
  FakeGlibc fake;
  const uint64_t text = fake.take(0x30), items = fake.take(0x50);
  const uint64_t owner = FakeGlibc::kData + 0x200;
  fake.set(text, 0x6f6c6c6568);  // "hello"
  fake.set(owner, text);
  fake.set(owner + 8, 5);
  fake.set(owner + 16, 31);
  fake.set(owner + 32, items);
  fake.set(owner + 40, items + 0x20);
  fake.set(owner + 48, items + 0x40);
  const auto heap = fake.heap();
  const ObjectNamer namer(fake.input());
  const auto string = namer.by_owner(heap->locate(Address(text))->block, Address(owner));
  ASSERT_TRUE(string.has_value());
  EXPECT_EQ(string->shape, "std::string storage");
  EXPECT_EQ(string->contents, "hello");
  const auto vector = namer.by_owner(heap->locate(Address(items))->block, Address(owner + 32));
  ASSERT_TRUE(vector.has_value());
  EXPECT_EQ(vector->shape, "std::vector storage (32 of 64 bytes in use)");
  EXPECT_EQ(namer.by_owner(heap->locate(Address(items))->block, Address(owner)), std::nullopt);
}

TEST(Census, CountsByStateAndSize) {
  FakeGlibc fake;
  for (int i = 0; i < 3; ++i) fake.take(0x40);
  fake.take(0x100);
  fake.to_tcache(fake.take(0x50));
  const auto heap = fake.heap();
  const Census census = take_census(fake.input(), *heap, 1);
  EXPECT_EQ(census.of(BlockState::kLive).count, 4u);
  EXPECT_EQ(census.of(BlockState::kLive).bytes, 3 * 0x38u + 0xf8);
  EXPECT_EQ(census.of(BlockState::kFreed).count, 1u);
  ASSERT_EQ(census.sizes.size(), 1u);
  EXPECT_EQ(census.sizes[0].size, 0xf8u);
  ASSERT_EQ(census.biggest.size(), 1u);
  EXPECT_EQ(census.biggest[0].size, 0xf8u);
}

TEST(BitMap, FindsTheNearestBitOverLongGaps) {
  BitMap map;
  map.resize(1'000'000);
  map.set(3);
  map.set(700'000);
  EXPECT_EQ(map.last_at(699'999), 3u);
  EXPECT_EQ(map.last_at(700'000), 700'000u);
  EXPECT_EQ(map.last_at(2), std::nullopt);
  EXPECT_EQ(map.first_at(4), 700'000u);
  EXPECT_EQ(map.first_at(700'001), std::nullopt);
  map.clear(700'000);
  EXPECT_EQ(map.first_at(4), std::nullopt);
  EXPECT_EQ(map.last_at(999'999), 3u);
}

TEST(BlockMap, FindsTheLiveBlockThatHoldsAnAddress) {
  FakeGlibc fake;
  const uint64_t live = fake.take(0x400), freed = fake.take(0x40);
  fake.to_tcache(freed);
  const auto heaps = heaps_of(fake);
  const BlockMap map(heaps);
  const auto found = map.find(Address(live + 0x3f0));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(map.range_of(*found).start, Address(live));
  EXPECT_EQ(map.find(Address(freed)), std::nullopt);
  EXPECT_EQ(map.find(Address(0x10)), std::nullopt);
}

TEST(Reachability, BlocksThatNothingLeadsToAreUnreachable) {
  FakeGlibc fake;
  const uint64_t root = fake.take(0x40), child = fake.take(0x40);
  const uint64_t lost = fake.take(0x100), inner = fake.take(0x80);
  fake.set(FakeGlibc::kData + 0x80, root + 0x10);  // into the middle
  fake.set(root + 8, child);
  fake.set(lost, inner);
  fake.set(lost + 8, lost);  // itself
  const auto heaps = heaps_of(fake);
  const Unreachable found = find_unreachable(fake.input(), heaps, 10);
  EXPECT_EQ(found.all.count, 2u);
  EXPECT_EQ(found.direct.count, 1u);
  ASSERT_EQ(found.biggest.size(), 1u);
  EXPECT_EQ(found.biggest[0].start, Address(lost));
}

TEST(Reachability, TheAllocatorsOwnRecordsKeepNothingAlive) {
  FakeGlibc fake;
  const uint64_t lost = fake.take(0x500), freed = fake.take(0x420);
  fake.take(0x20);
  fake.to_bin(freed, 0);  // the bin points at the freed chunk's header, the last word of `lost`
  const auto heaps = heaps_of(fake);
  const Unreachable found = find_unreachable(fake.input(), heaps, 10);
  ASSERT_FALSE(found.biggest.empty());
  EXPECT_EQ(found.biggest[0].start, Address(lost));
}

}  // namespace
}  // namespace inquest::process
