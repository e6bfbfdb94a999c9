#include "process/runtime/cpython/frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/runtime/cpython/fake_cpython_test_util.h"
#include "process/runtime/cpython/state.h"
#include "process/runtime/cpython/threads.h"

namespace inquest::process::cpython {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

FrameChain read(const FakePython& fake) {
  const Objects objects(fake, fake.layout);
  const Types types(objects, fake.version);
  return FrameReader(objects, types, fake.version).read(Address(fake.thread_state));
}

std::vector<std::string> told(const FrameChain& chain) {
  std::vector<std::string> lines;
  for (const Activation& activation : chain.activations) {
    for (const RuntimeFrame& frame : activation.frames)
      lines.push_back(frame.function + " " + frame.file + ":" + std::to_string(frame.line));
  }
  return lines;
}

class EachVersion : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Frames, EachVersion, testing::Range(6u, 16u));

TEST_P(EachVersion, FramesAreReadInnermostFirst) {
  FakePython fake(GetParam());
  fake.push(fake.code("<module>", "/srv/app.py", 40));
  fake.push(fake.code("Order.quote", "/srv/order.py", 12), false);
  fake.push(fake.code("rate", "/srv/rate.py", 7));
  const FrameChain chain = read(fake);
  EXPECT_THAT(told(chain), ElementsAre("rate /srv/rate.py:7", "Order.quote /srv/order.py:12",
                                       "<module> /srv/app.py:40"));
  // One native frame each up to 3.10; then those that Python called run in the caller's.
  EXPECT_EQ(chain.activations.size(), fake.version.is_at_least(11) ? 2u : 3u);
  EXPECT_THAT(chain.notes, IsEmpty());
}

TEST_P(EachVersion, WhatIsNoCodeObjectEndsTheChain) {
  FakePython fake(GetParam());
  fake.push(fake.object("dict", 0x200));
  fake.push(fake.code("rate", "/srv/rate.py", 7));
  const FrameChain chain = read(fake);
  EXPECT_THAT(told(chain), ElementsAre("rate /srv/rate.py:7"));
  EXPECT_THAT(chain.notes, ElementsAre(HasSubstr("is of type dict, not code")));
}

TEST_P(EachVersion, ACircleEnds) {
  FakePython fake(GetParam());
  const uint64_t code = fake.code("loop", "/srv/loop.py", 3);
  const uint64_t outer = fake.push(code);
  fake.put(outer + fake.layout.frame_previous, fake.push(code, false));
  EXPECT_THAT(read(fake).notes, ElementsAre(HasSubstr("circle")));
}

TEST_P(EachVersion, NamesThatWereNotDumpedAreSaidAndTheRestIsTold) {
  FakePython fake(GetParam());
  const uint64_t code = fake.code("rate", "/srv/rate.py", 7);
  fake.push(code);
  const uint64_t lost = fake.text("lost");
  fake.put(code + fake.layout.code_file, lost);
  fake.lose_from(lost);
  const FrameChain chain = read(fake);
  ASSERT_EQ(chain.activations.size(), 1u);
  const RuntimeFrame& frame = chain.activations[0].frames[0];
  EXPECT_EQ(frame.function, "rate");
  EXPECT_EQ(frame.file, "");
  EXPECT_EQ(frame.line, 7u);
  EXPECT_THAT(frame.gap, HasSubstr("the file"));
  EXPECT_THAT(frame.gap, HasSubstr("not dumped"));
}

TEST_P(EachVersion, ThreadsAreFoundByTheirThreadPointer) {
  FakePython fake(GetParam());
  fake.image.threads.emplace_back().tid = 90;
  fake.image.threads[1].registers.set(isa::x86::kFsBase, 0x7f0000002740);
  const uint64_t second = fake.add_thread(0x7f0000002740, 90);
  const Objects objects(fake, fake.layout);
  EXPECT_TRUE(is_interpreter_of(objects, Address(fake.interpreter), NativeThreads(fake.image)));
  EXPECT_FALSE(
      is_interpreter_of(objects, Address(fake.interpreter + 8), NativeThreads(fake.image)));
  fake.add_thread(0x7f0000009740, 91);  // gone
  const ThreadStates threads =
      read_threads(objects, Address(fake.interpreters), NativeThreads(fake.image));
  ASSERT_EQ(threads.states.size(), 2u);
  EXPECT_EQ(threads.states[0].address, Address(second));
  EXPECT_EQ(threads.states[0].thread, 1u);
  EXPECT_EQ(threads.states[1].thread, 0u);
  EXPECT_EQ(threads.strangers, 1u);
  // The first of its threads is none of the process's: that proves nothing.
  EXPECT_FALSE(is_interpreter_of(objects, Address(fake.interpreter), NativeThreads(fake.image)));
}

TEST_P(EachVersion, AListOfThreadsThatBitesItsTailEnds) {
  FakePython fake(GetParam());
  fake.put(fake.thread_state + fake.layout.thread_next, fake.thread_state);
  const Objects objects(fake, fake.layout);
  const ThreadStates threads =
      read_threads(objects, Address(fake.interpreters), NativeThreads(fake.image));
  EXPECT_EQ(threads.states.size(), 1u);
  EXPECT_THAT(threads.notes, ElementsAre(HasSubstr("no end")));
}

TEST_P(EachVersion, TheExceptionInFlightHasItsMessage) {
  FakePython fake(GetParam());
  const Objects objects(fake, fake.layout);
  const Address thread(fake.thread_state);
  EXPECT_EQ(exception_in_flight(objects, thread), "");
  const uint64_t arguments = fake.object("tuple", 0x40);
  fake.put(arguments + fake.layout.tuple_size, 1);
  fake.put(arguments + fake.layout.tuple_items, fake.text("too late"));
  const uint64_t exception = fake.object("ValueError", 0x60);
  fake.put(exception + fake.layout.exception_arguments, arguments);
  fake.put(fake.thread_state + *fake.layout.thread_exception_value, exception);
  if (fake.layout.thread_exception_type)
    fake.put(fake.thread_state + *fake.layout.thread_exception_type, fake.type("ValueError"));
  EXPECT_EQ(exception_in_flight(objects, thread), "ValueError: too late");
}

TEST(Frames, From3_11OnTheySayWhereOnTheStackTheirCallIs) {
  for (const uint32_t minor : {11u, 12u, 13u, 14u, 15u}) {
    FakePython fake(minor);
    fake.push(fake.code("<module>", "/srv/app.py", 40), true, FakePython::kStackStart + 0x800);
    fake.push(fake.code("rate", "/srv/rate.py", 7), true, FakePython::kStackStart + 0x200);
    const FrameChain chain = read(fake);
    ASSERT_EQ(chain.activations.size(), 2u);
    EXPECT_EQ(chain.activations[0].on_stack, Address(FakePython::kStackStart + 0x200)) << minor;
    EXPECT_EQ(chain.activations[1].on_stack, Address(FakePython::kStackStart + 0x800)) << minor;
  }
}

TEST(Objects, TextsOfEachWidthBecomeUtf8) {
  FakePython fake(12);
  const Objects objects(fake, fake.layout);
  EXPECT_EQ(*objects.text(Address(fake.text("rate"))), "rate");
  EXPECT_EQ(*objects.text(Address(fake.text("caf\xe9", 1, false))), "café");
  EXPECT_EQ(*objects.text(Address(fake.text("\xfc"
                                            "ber",
                                            2, false))),
            "über");
  EXPECT_EQ(*objects.text(Address(fake.text("x", 4, false))), "x");
  EXPECT_EQ(objects.text(Address(fake.object("list", 0x40))).error().code(), ErrorCode::kMismatch);
}

TEST(Objects, LongTextsAreCutAndHugeTablesRefused) {
  FakePython fake(12);
  const Objects objects(fake, fake.layout);
  const std::string long_name(kMaxText + 10, 'n');
  EXPECT_EQ(*objects.text(Address(fake.text(long_name))), std::string(kMaxText, 'n') + "…");
  const uint64_t table = fake.bytes({1, 2});
  fake.put(table + fake.layout.bytes_size, uint64_t{1} << 40);
  EXPECT_EQ(objects.bytes(Address(table)).error().code(), ErrorCode::kTooLarge);
}

TEST(State, TheHolderOfTheLockOf3_12IsTold) {
  FakePython fake(12);
  const uint64_t lock = fake.take(0x40);
  fake.put(lock + *fake.layout.lock_holder, fake.thread_state);
  fake.put(fake.interpreter + *fake.layout.interpreter_lock, lock);
  const Objects objects(fake, fake.layout);
  const ThreadStates threads =
      read_threads(objects, Address(fake.interpreters), NativeThreads(fake.image));
  Found found{.version = fake.version, .layout = fake.layout};
  EXPECT_THAT(read_process_state(objects, found, threads, fake.image).lock_holders, IsEmpty());
  fake.put(lock + *fake.layout.lock_is_locked, 1, 4);
  fake.put(fake.interpreter + *fake.layout.interpreter_collecting, 1, 4);
  const ProcessState state = read_process_state(objects, found, threads, fake.image);
  EXPECT_THAT(state.lock_holders, ElementsAre(Address(fake.thread_state)));
  EXPECT_THAT(state.statements,
              ElementsAre(HasSubstr("thread 71"), HasSubstr("garbage collector")));
}

}  // namespace
}  // namespace inquest::process::cpython
