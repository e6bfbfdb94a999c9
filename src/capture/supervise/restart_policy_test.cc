#include "capture/supervise/restart_policy.h"

#include <gtest/gtest.h>

namespace inquest::capture {
namespace {

using std::chrono::milliseconds;

RestartOptions without_jitter() {
  RestartOptions options;
  options.first_delay = milliseconds(100);
  options.longest_delay = milliseconds(1000);
  options.healthy = milliseconds(5000);
  options.jitter = 0;
  return options;
}

TEST(RestartPolicy, ANewSignatureRestartsAtOnceAndTheSameOneBacksOff) {
  RestartPolicy policy(without_jitter());
  EXPECT_EQ(policy.died({"a", milliseconds(1)}, 0.5).delay.count(), 0);
  EXPECT_EQ(policy.died({"a", milliseconds(1)}, 0.5).delay.count(), 100);
  EXPECT_EQ(policy.died({"a", milliseconds(1)}, 0.5).delay.count(), 200);
  EXPECT_EQ(policy.died({"b", milliseconds(1)}, 0.5).delay.count(), 0);
  EXPECT_EQ(policy.died({"a", milliseconds(1)}, 0.5).delay.count(), 400);
  EXPECT_EQ(policy.died({"a", milliseconds(1)}, 0.5).delay.count(), 800);
  EXPECT_EQ(policy.died({"a", milliseconds(1)}, 0.5).delay.count(), 1000);
  EXPECT_EQ(policy.died({"a", milliseconds(1)}, 0.5).delay.count(), 1000);
}

TEST(RestartPolicy, AHealthyLifeForgetsEarlierDeaths) {
  RestartPolicy policy(without_jitter());
  for (int i = 0; i < 4; ++i) policy.died({"a", milliseconds(1)}, 0.5);
  const RestartDecision decision = policy.died({"a", milliseconds(5000)}, 0.5);
  EXPECT_EQ(decision.delay.count(), 0);
  EXPECT_EQ(decision.repeats, 1u);
  EXPECT_EQ(policy.deaths(), 1u);
}

TEST(RestartPolicy, JitterGoesToBothSidesOfTheDelay) {
  RestartOptions options = without_jitter();
  options.jitter = 0.25;
  for (const auto& [random, expected] : {std::pair(0.0, 75), std::pair(0.5, 100)}) {
    RestartPolicy policy(options);
    policy.died({"a", milliseconds(1)}, 0.5);
    EXPECT_EQ(policy.died({"a", milliseconds(1)}, random).delay.count(), expected);
  }
}

TEST(RestartPolicy, GivesUpAfterSoManyRestarts) {
  RestartOptions options = without_jitter();
  options.max_restarts = 2;
  RestartPolicy policy(options);
  EXPECT_TRUE(policy.died({"a", milliseconds(1)}, 0.5).restart);
  EXPECT_TRUE(policy.died({"b", milliseconds(1)}, 0.5).restart);
  const RestartDecision last = policy.died({"c", milliseconds(1)}, 0.5);
  EXPECT_FALSE(last.restart);
  EXPECT_NE(last.reason.find("2 times"), std::string::npos) << last.reason;
}

TEST(RestartPolicy, AProgramThatDiesInEverNewWaysBacksOffTooInTheEnd) {
  RestartOptions options = without_jitter();
  options.max_new_signatures = 3;
  RestartPolicy policy(options);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(policy.died({std::to_string(i), milliseconds(1)}, 0.5).delay.count(), 0);
  }
  EXPECT_EQ(policy.died({"x", milliseconds(1)}, 0.5).delay.count(), 100);
  EXPECT_EQ(policy.died({"y", milliseconds(1)}, 0.5).delay.count(), 200);
}

TEST(RestartPolicy, AStormIsAnnouncedOnceAndEachTimeItDoubles) {
  RestartPolicy policy(without_jitter());
  std::vector<uint64_t> announced;
  for (uint64_t i = 1; i <= 25; ++i) {
    if (policy.died({"a", milliseconds(1)}, 0.5).announce_storm) announced.push_back(i);
  }
  EXPECT_EQ(announced, (std::vector<uint64_t>{5, 10, 20}));
}

TEST(RestartPolicy, DeathsGoToTheNameThatTheAnalysisFound) {
  RestartPolicy policy(without_jitter());
  policy.died({"quick", milliseconds(1)}, 0.5);
  policy.rename("quick", "true");
  EXPECT_EQ(policy.died({"true", milliseconds(1)}, 0.5).delay.count(), 100);
  policy.rename("unknown", "true");
  const auto counts = policy.counts();
  ASSERT_EQ(counts.size(), 1u);
  EXPECT_EQ(counts[0].key, "true");
  EXPECT_EQ(counts[0].times, 2u);
}

TEST(RestartPolicy, NoNumberOfDeathsOverflows) {
  RestartPolicy policy(without_jitter());
  for (int i = 0; i < 500; ++i) {
    EXPECT_LE(policy.died({"a", milliseconds(1)}, 0.999).delay.count(), 1000);
  }
}

}  // namespace
}  // namespace inquest::capture
