#include "process/heap/tcmalloc_heap.h"

#include <gtest/gtest.h>

#include "process/heap/fake_tcmalloc_test_util.h"

namespace inquest::process {
namespace {

constexpr uint64_t k160 = 11;  // the size class

struct Busy {
  FakeTcmalloc fake;
  uint64_t objects = fake.span(1, k160), large = fake.span(3, 0), spare = fake.span(2, 0, 2);
};

TEST(Tcmalloc, ObjectsAreLiveUnlessAListHasThem) {
  Busy busy;
  busy.fake.to_span(busy.objects, 4);
  busy.fake.to_thread(busy.fake.object(busy.objects, 5), k160);
  busy.fake.to_central(busy.fake.object(busy.objects, 6), k160);
  const auto heap = busy.fake.heap();
  ASSERT_TRUE(heap);
  EXPECT_EQ(heap->name(), "tcmalloc (gperftools)");
  const auto at = [&](uint64_t index) {
    return heap->locate(Address(busy.fake.object(busy.objects, index) + 9));
  };
  ASSERT_TRUE(at(3) && at(4) && at(5) && at(6));
  EXPECT_EQ(at(3)->block.state, BlockState::kLive);
  EXPECT_TRUE(at(3)->proven);
  EXPECT_EQ(at(3)->block.size, 160U);
  EXPECT_EQ(at(4)->block.state, BlockState::kFreed);
  EXPECT_NE(at(4)->place.find("the free list of the span at"), std::string::npos);
  EXPECT_EQ(at(5)->place, "thread 100's cache for 160-byte blocks");
  EXPECT_EQ(at(6)->place, "the central cache for 160-byte blocks");
  EXPECT_EQ(at(4)->before->start, Address(busy.fake.object(busy.objects, 3)));
}

TEST(Tcmalloc, WholeSpansAreLargeBlocksOrFree) {
  Busy busy;
  // A page inside of a large block may still name a span that was there before.
  const uint64_t start = busy.fake.start_of(busy.large);
  busy.fake.set(FakeTcmalloc::kBase + ((start / FakeTcmalloc::kPage + 1) & 0x7fff) * 8,
                busy.objects);
  const auto heap = busy.fake.heap();
  ASSERT_TRUE(heap);
  const auto large = heap->locate(Address(start + FakeTcmalloc::kPage + 1000));
  ASSERT_TRUE(large);
  EXPECT_EQ(large->block.start, Address(start));
  EXPECT_EQ(large->block.size, 3 * FakeTcmalloc::kPage);
  EXPECT_EQ(large->block.state, BlockState::kLive);
  const auto spare = heap->locate(Address(busy.fake.start_of(busy.spare)));
  ASSERT_TRUE(spare);
  EXPECT_EQ(spare->block.state, BlockState::kFreed);
  EXPECT_NE(spare->place.find("given back to the system"), std::string::npos);
}

TEST(Tcmalloc, WritesToFreedBlocksBreakTheirLinks) {
  Busy busy;
  for (const uint64_t i : {4, 5}) busy.fake.to_span(busy.objects, i);
  for (const uint64_t i : {7, 8}) busy.fake.to_thread(busy.fake.object(busy.objects, i), k160);
  busy.fake.set(busy.fake.object(busy.objects, 5), 0x4141414141414141);
  busy.fake.set(busy.fake.object(busy.objects, 8), 0x4242424242424242);
  const auto heap = busy.fake.heap();
  ASSERT_TRUE(heap);
  const Address near[] = {Address(busy.fake.start_of(busy.objects))};
  heap->check(near);
  ASSERT_EQ(heap->damage().size(), 2U);
  EXPECT_EQ(heap->damage()[0].at, Address(busy.fake.object(busy.objects, 8)));
  EXPECT_EQ(heap->damage()[1].at, Address(busy.fake.object(busy.objects, 5)));
  for (const HeapDamage& damage : heap->damage())
    EXPECT_EQ(damage.kind, HeapDamage::Kind::kFreedWrite) << damage.what;
}

TEST(Tcmalloc, ABlockFreedTwiceStandsInTwoLists) {
  Busy busy;
  const uint64_t object = busy.fake.object(busy.objects, 4);
  busy.fake.to_central(object, k160);
  busy.fake.to_thread(object, k160);
  const auto heap = busy.fake.heap();
  ASSERT_TRUE(heap);
  heap->check({});
  ASSERT_EQ(heap->damage().size(), 1U);
  EXPECT_EQ(heap->damage()[0].kind, HeapDamage::Kind::kDoubleFree);
  EXPECT_EQ(heap->damage()[0].at, Address(object));
}

TEST(Tcmalloc, WithoutThreadsCachesSizesAreNotKnown) {
  Busy busy;
  busy.fake.image.threads.clear();
  const auto heap = busy.fake.heap();
  ASSERT_TRUE(heap);
  const auto found = heap->locate(Address(busy.fake.object(busy.objects, 4)));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->block.state, BlockState::kUnknown);
  EXPECT_FALSE(found->proven);
  EXPECT_FALSE(heap->notes().empty());
}

TEST(Tcmalloc, NothingWhenSpansDisagree) {
  Busy busy;
  for (const uint64_t span : {busy.objects, busy.large, busy.spare})
    busy.fake.set(span, busy.fake.get(span) + 64);
  EXPECT_FALSE(busy.fake.heap());
}

}  // namespace
}  // namespace inquest::process
