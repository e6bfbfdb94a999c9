extern "C" {
#include "capture/handler/state.h"
}

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <thread>

namespace {

void set_timeout(inq_state* state, const void* value) {
  state->reply_timeout_ms = *static_cast<const int*>(value);
}

void set_all(inq_state* state, const void* value) {
  const auto word = *static_cast<const uintptr_t*>(value);
  for (int i = 0; i < kInqWatchedCount; ++i) inq_set_disposition(state, i, word, word, word);
}

void change(int timeout) { ASSERT_EQ(inq_state_change(set_timeout, &timeout), 0); }

void scribble(const inq_state* state, size_t at) {
  void* page = reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(state) & ~uintptr_t{4095});
  ASSERT_EQ(mprotect(page, 4096, PROT_READ | PROT_WRITE), 0);
  reinterpret_cast<unsigned char*>(const_cast<inq_state*>(state))[at] ^= 0x10;
}

TEST(State, IsReadOnly) {
  change(1);
  int damaged = 0;
  const inq_state* state = inq_whole_state(&damaged);
  ASSERT_NE(state, nullptr);
  EXPECT_DEATH(
      {
        prctl(PR_SET_DUMPABLE, 0);  // no core, wherever this machine sends them
        const_cast<struct inq_state*>(state)->magic = 0;
      },
      "");
}

TEST(State, OneDamagedCopyIsNoticedAndTheOtherUsedAndMended) {
  change(1234);
  int damaged = 0;
  const struct inq_state* first = inq_whole_state(&damaged);
  ASSERT_FALSE(damaged);
  for (size_t at : {size_t{0}, size_t{9}, offsetof(struct inq_state, reply_timeout_ms),
                    sizeof(struct inq_state) - 1}) {
    scribble(first, at);
    const struct inq_state* second = inq_whole_state(&damaged);
    ASSERT_NE(second, nullptr);
    EXPECT_TRUE(damaged);
    EXPECT_NE(second, first);
    EXPECT_EQ(second->reply_timeout_ms, 1234);
    change(1234);
    EXPECT_EQ(inq_whole_state(&damaged), first);
    EXPECT_FALSE(damaged);
  }
}

TEST(State, WithBothDamagedThereIsNone) {
  change(1);
  int damaged = 0;
  const struct inq_state* first = inq_whole_state(&damaged);
  scribble(first, 100);
  const struct inq_state* second = inq_whole_state(&damaged);
  scribble(second, 100);
  EXPECT_EQ(inq_whole_state(&damaged), nullptr);
  EXPECT_TRUE(damaged);
  scribble(first, 100);
  scribble(second, 100);
  change(1);
}

TEST(State, DispositionsAreWholeWhileTheyAreChanged) {
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (uintptr_t i = 1; !stop; ++i) inq_state_change(set_all, &i);
  });
  for (int i = 0; i < 200000; ++i) {
    const inq_disposition wanted = inq_wanted(i % kInqWatchedCount);
    ASSERT_EQ(wanted.handler, wanted.flags);
    ASSERT_EQ(wanted.handler, wanted.mask);
  }
  stop = true;
  writer.join();
}

TEST(State, ADamagedDispositionIsTakenFromTheOtherCopy) {
  uintptr_t value = 0x4242;
  ASSERT_EQ(inq_state_change(set_all, &value), 0);
  int damaged = 0;
  scribble(inq_whole_state(&damaged), offsetof(struct inq_state, wanted) + 1);
  EXPECT_EQ(inq_wanted(0).handler, 0x4242U);
  change(1);
}

TEST(State, WatchesWhatTheHeaderSays) {
  EXPECT_EQ(inq_watched_index(SIGUSR1), -1);
  for (int i = 0; i < kInqWatchedCount; ++i) EXPECT_EQ(inq_watched_index(inq_watched_signal(i)), i);
  EXPECT_GE(inq_watched_index(SIGXFSZ), 0);
  EXPECT_EQ(inq_fault_signals() & INQ_BIT(SIGABRT), 0U);
}

}  // namespace
