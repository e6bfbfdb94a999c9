extern "C" {
#include "capture/handler/ranges.h"
}

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace {

constexpr uintptr_t kPage = 4096;

TEST(Ranges, HoldsExactlyThePagesAddedSortedAndJoined) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    inq_ranges ranges{};
    std::set<uintptr_t> pages;
    for (int i = 0; i < 300; ++i) {
      const uintptr_t address = random() % (400 * kPage);
      EXPECT_EQ(inq_ranges_add_page(&ranges, address) != 0, pages.insert(address / kPage).second);
    }
    EXPECT_EQ(ranges.bytes, pages.size() * kPage);
    size_t bytes = 0;
    for (size_t i = 0; i < ranges.count; ++i) {
      bytes += ranges.at[i].end - ranges.at[i].begin;
      if (i == 0) continue;
      EXPECT_LT(ranges.at[i - 1].end, ranges.at[i].begin);
    }
    EXPECT_EQ(bytes, ranges.bytes);
    for (uintptr_t page = 0; page < 401; ++page)
      EXPECT_EQ(inq_ranges_has(&ranges, page * kPage + 17) != 0, pages.count(page) == 1);
  }
}

TEST(Ranges, SaysWhenItIsFull) {
  inq_ranges ranges{};
  for (uintptr_t i = 0; i < kInqRanges; ++i)
    EXPECT_TRUE(inq_ranges_add_page(&ranges, i * 2 * kPage));
  EXPECT_FALSE(ranges.full);
  EXPECT_FALSE(inq_ranges_add_page(&ranges, uintptr_t{kInqRanges} * 2 * kPage));
  EXPECT_TRUE(ranges.full);
  EXPECT_TRUE(inq_ranges_add_page(&ranges, kPage)) << "it joins two and needs no room";
  EXPECT_EQ(ranges.count, size_t{kInqRanges} - 1);
}

TEST(Ranges, TheLastPageOfTheAddressSpaceIsNoPage) {
  inq_ranges ranges{};
  EXPECT_FALSE(inq_ranges_add_page(&ranges, UINTPTR_MAX));
  EXPECT_EQ(ranges.count, 0U);
}

}  // namespace
