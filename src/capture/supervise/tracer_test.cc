#include "capture/supervise/tracer.h"

#include <gtest/gtest.h>

#include <csignal>
#include <optional>

#include "capture/supervise/snapshot.h"

namespace inquest::capture {
namespace {

constexpr uint64_t bit(int signal) { return uint64_t{1} << (signal - 1); }

TEST(Tracer, OnlyADefaultActionThatDumpsIsACrash) {
  EXPECT_TRUE(ends_process(SIGSEGV, 0, 0));
  EXPECT_TRUE(ends_process(SIGABRT, bit(SIGSEGV), bit(SIGPIPE)));
  EXPECT_FALSE(ends_process(SIGSEGV, bit(SIGSEGV), 0));
  EXPECT_FALSE(ends_process(SIGQUIT, 0, bit(SIGQUIT)));
  EXPECT_FALSE(ends_process(SIGTERM, 0, 0));
  EXPECT_FALSE(ends_process(SIGKILL, 0, 0));
}

TEST(Tracer, TooManyStopsInOneSecondAreNoticed) {
  StopRate rate(3);
  const auto start = std::chrono::steady_clock::time_point(std::chrono::seconds(10));
  EXPECT_FALSE(rate.count(start));
  EXPECT_FALSE(rate.count(start + std::chrono::milliseconds(300)));
  EXPECT_FALSE(rate.count(start + std::chrono::milliseconds(600)));
  EXPECT_TRUE(rate.count(start + std::chrono::milliseconds(900)));
  EXPECT_FALSE(rate.count(start + std::chrono::milliseconds(1000)));
}

TEST(Snapshot, NeedsRoomForTheNextInstance) {
  constexpr uint64_t kMiB = 1024;
  EXPECT_EQ(why_no_headroom(100 * kMiB, 1000 * kMiB, std::nullopt), "");
  EXPECT_NE(why_no_headroom(1000 * kMiB, 1000 * kMiB, std::nullopt), "");
  EXPECT_NE(why_no_headroom(100 * kMiB, 1000 * kMiB, 100 * kMiB), "");
  EXPECT_EQ(why_no_headroom(100 * kMiB, 1000 * kMiB, 500 * kMiB), "");
}

using Ranges = std::vector<std::pair<uint32_t, uint32_t>>;

TEST(Descriptors, AllAreClosedButThoseThatAreNeeded) {
  EXPECT_EQ(descriptors_but(3, {}), (Ranges{{3, UINT32_MAX}}));
  EXPECT_EQ(descriptors_but(3, {9}), (Ranges{{3, 8}, {10, UINT32_MAX}}));
  EXPECT_EQ(descriptors_but(3, {3, 4, 700}), (Ranges{{5, 699}, {701, UINT32_MAX}}));
  // What the process says of itself may be nonsense.
  EXPECT_EQ(descriptors_but(3, {-1, 0, 5, 5, INT32_MAX}),
            (Ranges{{3, 4}, {6, uint32_t{INT32_MAX} - 1}, {uint32_t{INT32_MAX} + 1, UINT32_MAX}}));
}

}  // namespace
}  // namespace inquest::capture
