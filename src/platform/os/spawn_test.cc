#include "platform/os/spawn.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>

namespace inquest::os {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

SpawnResult run(const std::vector<std::string>& arguments, const SpawnOptions& options = {}) {
  auto result = run_process(arguments, options);
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message());
  return result.ok() ? *result : SpawnResult{};
}

TEST(RunProcess, captures_both_streams_and_the_exit_code) {
  const SpawnResult result = run({"sh", "-c", "echo out; echo err >&2; exit 3"});
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "err\n");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_FALSE(result.success());
}

TEST(RunProcess, arguments_reach_the_program_as_they_are) {
  const SpawnResult result = run({"printf", "%s|", "a b", "$HOME", "; rm -rf x", "*"});
  EXPECT_EQ(result.out, "a b|$HOME|; rm -rf x|*|");
}

TEST(RunProcess, reports_the_signal) {
  const SpawnResult result = run({"sh", "-c", "ulimit -c 0; kill -SEGV $$"});
  EXPECT_EQ(result.signal, SIGSEGV);
  EXPECT_EQ(result.exit_code, -1);
}

TEST(RunProcess, an_absent_program_is_an_error) {
  auto result = run_process({"no-such-program-anywhere"});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kNotFound);
}

TEST(RunProcess, the_deadline_also_ends_grandchildren) {
  const auto start = Clock::now();
  const SpawnResult result =
      run({"sh", "-c", "sleep 100 & sleep 100"}, {.timeout = milliseconds(200)});
  EXPECT_TRUE(result.timed_out);
  EXPECT_FALSE(result.success());
  EXPECT_LT(Clock::now() - start, milliseconds(20'000));
}

TEST(RunProcess, does_not_wait_for_a_daemon_that_keeps_the_pipe_open) {
  const auto start = Clock::now();
  const SpawnResult result = run({"sh", "-c", "echo started; sleep 30 &"});
  EXPECT_EQ(result.out, "started\n");
  EXPECT_TRUE(result.success());
  EXPECT_LT(Clock::now() - start, milliseconds(15'000));
}

TEST(RunProcess, output_over_the_cap_is_dropped_and_said_so) {
  const SpawnResult result = run({"sh", "-c", "head -c 1000000 /dev/zero"}, {.max_output = 1000});
  EXPECT_EQ(result.out.size(), 1000u);
  EXPECT_TRUE(result.output_cut);
  EXPECT_EQ(result.exit_code, 0);
}

TEST(RunProcess, input_larger_than_a_pipe_arrives_even_when_nobody_reads_it) {
  const std::string text(1'000'000, 'x');
  EXPECT_EQ(run({"wc", "-c"}, {.input = text}).out, "1000000\n");
  EXPECT_TRUE(run({"true"}, {.input = text}).success());
}

TEST(RunProcess, environment_and_directory_are_the_childs_own) {
  SpawnOptions options;
  options.directory = "/";
  options.environment = {{"INQUEST_TEST", "yes"}, {"HOME", std::nullopt}};
  const SpawnResult result = run({"sh", "-c", "echo $PWD $INQUEST_TEST ${HOME-unset}"}, options);
  EXPECT_EQ(result.out, "/ yes unset\n");
}

}  // namespace
}  // namespace inquest::os
