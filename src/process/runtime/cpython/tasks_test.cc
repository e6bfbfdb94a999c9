#include "process/runtime/cpython/tasks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/runtime/cpython/coroutines.h"
#include "process/runtime/cpython/fake_values_test_util.h"

namespace inquest::process::cpython {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct Reader {
  explicit Reader(const FakePython& of)
      : fake(of),
        objects(of, of.layout),
        types(objects, of.version),
        frames(objects, types, of.version) {}
  AwaitingChain chain(uint64_t coroutine) {
    return awaiting_chain(objects, types, fake.version, frames, Address(coroutine), true);
  }
  Tasks tasks() {
    const NativeThreads natives(fake.image);
    return read_tasks(objects, types, fake.version, frames,
                      read_threads(objects, Address(fake.interpreters), natives),
                      task_lists_of_fake(fake.version.minor));
  }

  const FakePython& fake;
  Objects objects;
  Types types;
  FrameReader frames;
};

uint64_t code(FakePython& fake, std::string_view name) {
  const uint64_t at = fake.code(name, "/srv/app.py", 7);
  FakeValues(fake).name_variables(at, {"order"});
  return at;
}

class TasksOfEachVersion : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Tasks, TasksOfEachVersion, testing::Range(6u, 16u));

TEST_P(TasksOfEachVersion, AChainIsFollowedToWhatIsAwaited) {
  FakePython fake(GetParam());
  FakeValues make(fake);
  const uint64_t future = fake.object("_asyncio.Future", 0x80);
  const uint64_t inner = make.coroutine(code(fake, "inner"), future);
  const uint64_t wrapper = fake.object("coroutine_wrapper", 0x20);
  fake.put(wrapper + 16, inner);
  const AwaitingChain chain = Reader(fake).chain(make.coroutine(code(fake, "outer"), wrapper));
  EXPECT_EQ(chain.gap, "");
  EXPECT_EQ(chain.state, CoroutineState::kSuspended);
  ASSERT_THAT(chain.frames, SizeIs(2));
  EXPECT_EQ(chain.frames[0].function, "outer");
  EXPECT_EQ(chain.frames[1].function, "inner");
  EXPECT_EQ(chain.awaited, Address(future));
  EXPECT_EQ(chain.awaited_type, "_asyncio.Future");
}

TEST_P(TasksOfEachVersion, WhatAwaitsItselfEnds) {
  FakePython fake(GetParam());
  FakeValues make(fake);
  const uint64_t wrapper = fake.object("coroutine_wrapper", 0x20);
  const uint64_t coroutine = make.coroutine(code(fake, "loop"), wrapper);
  fake.put(wrapper + 16, coroutine);
  const AwaitingChain chain = Reader(fake).chain(coroutine);
  EXPECT_THAT(chain.frames, SizeIs(1));
  EXPECT_THAT(chain.gap, HasSubstr("no end"));
}

TEST_P(TasksOfEachVersion, TasksTellWhomTheyWaitFor) {
  if (GetParam() == 6) GTEST_SKIP() << "they have no names";
  FakePython fake(GetParam());
  FakeValues make(fake);
  const uint64_t future = fake.object("_asyncio.Future", 0x80);
  const uint64_t first = make.task("first", make.coroutine(code(fake, "inner"), future), future);
  const uint64_t second = make.task("second", make.coroutine(code(fake, "outer"), first), first);
  const uint64_t lost = make.task("third", fake.object("list", 0x40), 0);
  make.load_asyncio({first, second, lost});
  const Tasks tasks = Reader(fake).tasks();
  EXPECT_THAT(tasks.notes, IsEmpty());
  ASSERT_THAT(tasks.list, SizeIs(3));
  if (GetParam() == 7) return;  // neither have these
  EXPECT_EQ(tasks.list[0].name, "first");
  EXPECT_EQ(tasks.list[0].state, "waiting");
  EXPECT_THAT(tasks.list[0].awaits, HasSubstr("_asyncio.Future at 0x"));
  EXPECT_EQ(tasks.list[0].frames.at(0).function, "inner");
  EXPECT_EQ(tasks.list[1].state, "");
  EXPECT_EQ(tasks.list[2].name, "second");
  EXPECT_EQ(tasks.list[2].awaits, "task first");
}

TEST(Tasks, AListThatIsBrokenIsToldAsFarAsItGoes) {
  FakePython fake(14);
  FakeValues make(fake);
  const TaskLists lists = *task_lists_of_fake(14);
  const uint64_t first = make.task("first", make.coroutine(code(fake, "inner"), 0), 0);
  const uint64_t second = make.task("second", make.coroutine(code(fake, "outer"), 0), 0);
  make.load_asyncio({first, second});
  fake.put(second + lists.node + 8, 0);
  Tasks tasks = Reader(fake).tasks();
  EXPECT_THAT(tasks.list, SizeIs(1));
  EXPECT_THAT(tasks.notes, ElementsAre(HasSubstr("the list of them is broken at")));
  // What is linked but no task.
  make.link_tasks(lists, {first, fake.object("list", 0x100)});
  tasks = Reader(fake).tasks();
  EXPECT_THAT(tasks.list, SizeIs(1));
  EXPECT_THAT(tasks.notes, ElementsAre(HasSubstr("but of type list")));
  // A list that never comes back to its head.
  make.link_tasks(lists, {first, second});
  fake.put(second + lists.node, first + lists.node);
  EXPECT_THAT(Reader(fake).tasks().notes, ElementsAre(HasSubstr("is broken at")));
}

TEST(Tasks, From3_14OnTheyAreOnlyToldWhereAsyncioDescribesItself) {
  FakePython fake(14);
  FakeValues make(fake);
  make.load_asyncio({make.task("first", make.coroutine(code(fake, "inner"), 0), 0)});
  const Objects objects(fake, fake.layout);
  const Types types(objects, fake.version);
  FrameReader frames(objects, types, fake.version);
  const ThreadStates threads =
      read_threads(objects, Address(fake.interpreters), NativeThreads(fake.image));
  const Tasks tasks = read_tasks(objects, types, fake.version, frames, threads, std::nullopt);
  EXPECT_THAT(tasks.list, IsEmpty());
  EXPECT_THAT(tasks.notes, ElementsAre(HasSubstr("is not known")));
}

TEST_P(TasksOfEachVersion, WithoutAsyncioThereAreNone) {
  FakePython fake(GetParam());
  FakeValues make(fake);
  fake.put(fake.interpreter + *fake.layout.interpreter_modules, make.dict({}));
  const Tasks tasks = Reader(fake).tasks();
  EXPECT_THAT(tasks.list, IsEmpty());
  EXPECT_THAT(tasks.notes, IsEmpty());
  fake.put(fake.interpreter + *fake.layout.interpreter_modules, make.list({}));
  EXPECT_THAT(Reader(fake).tasks().notes, ElementsAre(HasSubstr("is of type list, not dict")));
}

}  // namespace
}  // namespace inquest::process::cpython
