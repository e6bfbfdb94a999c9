#include "capture/supervise/leftovers.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <thread>

namespace inquest::capture {
namespace {

// A child with a child of its own; both wait. `stubborn`: SIGTERM does nothing to the inner one.
struct Family {
  pid_t outer = -1, inner = -1;
};

Family start_family(bool stubborn) {
  std::array<int, 2> ends;
  if (::pipe(ends.data()) != 0) return {};
  Family family;
  family.outer = ::fork();
  if (family.outer == 0) {
    const pid_t inner = ::fork();
    if (inner == 0) {
      if (stubborn) std::signal(SIGTERM, SIG_IGN);
      const pid_t own = ::getpid();
      if (::write(ends[1], &own, sizeof own) != sizeof own) ::_exit(1);
    }
    while (true) ::pause();
  }
  if (::read(ends[0], &family.inner, sizeof family.inner) != sizeof family.inner) return {};
  ::close(ends[0]);
  ::close(ends[1]);
  return family;
}

int end_of(pid_t pid) {
  int status = 0;
  return ::waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

void wait_until_ended(Leftovers& leftovers, const Leftovers::Spared& spared) {
  while (!leftovers.ended({::getpid()}, spared, Leftovers::Clock::now())) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

TEST(Leftovers, ChildrenAndTheirsAreAskedToEnd) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const Family family = start_family(false);
  ASSERT_GT(family.inner, 0);
  Leftovers leftovers;
  EXPECT_FALSE(leftovers.look_at());
  wait_until_ended(leftovers, [](pid_t) { return false; });
  EXPECT_FALSE(leftovers.look_at());
  EXPECT_EQ(end_of(family.outer), SIGTERM);
  EXPECT_EQ(end_of(family.inner), SIGTERM);
}

TEST(Leftovers, WhoDoesNotEndIsKilled) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const Family family = start_family(true);
  ASSERT_GT(family.inner, 0);
  Leftovers leftovers;
  wait_until_ended(leftovers, [](pid_t) { return false; });
  EXPECT_EQ(end_of(family.outer), SIGTERM);
  EXPECT_EQ(end_of(family.inner), SIGKILL);
}

TEST(Leftovers, WhoIsSparedGoesOnWithAllThatItStarted) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const Family family = start_family(false);
  ASSERT_GT(family.inner, 0);
  Leftovers leftovers;
  EXPECT_TRUE(leftovers.ended(
      {::getpid()}, [&](pid_t pid) { return pid == family.outer; }, Leftovers::Clock::now()));
  EXPECT_EQ(::kill(family.inner, 0), 0);
  EXPECT_EQ(::waitpid(family.outer, nullptr, WNOHANG), 0);
  ::kill(family.outer, SIGKILL);
  EXPECT_EQ(end_of(family.outer), SIGKILL);
  ::kill(family.inner, SIGKILL);
  EXPECT_EQ(end_of(family.inner), SIGKILL);
}

TEST(Leftovers, NobodyIsLeft) {
  Leftovers leftovers;
  EXPECT_TRUE(leftovers.ended({::getpid()}, [](pid_t) { return false; }, Leftovers::Clock::now()));
}

}  // namespace
}  // namespace inquest::capture
