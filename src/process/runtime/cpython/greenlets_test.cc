#include "process/runtime/cpython/greenlets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/runtime/cpython/fake_values_test_util.h"

namespace inquest::process::cpython {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A process that has loaded greenlet, and the collector's lists of its objects.
class FakeGreenlets {
 public:
  explicit FakeGreenlets(uint32_t minor) : fake(minor) {
    FakeValues make(fake);
    const uint64_t module = fake.object("module", 0x40), type = fake.type("greenlet.greenlet");
    fake.put(module + 16, make.dict({{fake.text("greenlet"), type}}));
    fake.put(fake.interpreter + *fake.layout.interpreter_modules,
             make.dict({{fake.text("greenlet._greenlet"), module}}));
    const uint64_t before = minor >= 15 ? 104 : minor == 14 ? 168 : 176;
    for (uint64_t i = 0; i < 3; ++i) {
      heads.push_back(fake.interpreter + *fake.layout.interpreter_collecting - before + i * 24);
      fake.put(heads[i], heads[i]);
      fake.put(heads[i] + 8, heads[i]);
    }
  }

  // Puts an object, whose head lies before it, at the end of a list.
  uint64_t tracked(std::string_view type, size_t generation) {
    const uint64_t head = fake.take(0x50), at = head + 16, list = heads[generation];
    const uint64_t last = fake.get(list + 8);
    fake.put(at + fake.layout.object_type, fake.type(type));
    fake.put(head, list);
    fake.put(head + 8, last | 1);  // with a mark
    fake.put(last, head | (last == list ? 0 : 2));
    fake.put(list + 8, head);
    return at;
  }
  // Switched away in `frame`; 0: it runs, or is done.
  uint64_t greenlet(std::string_view type, size_t generation, uint64_t frame) {
    const uint64_t at = tracked(type, generation), state = fake.take(0x100);
    fake.put(at + 32, state);
    fake.put(state + 0xa0, at);
    if (frame == 0) return at;
    const uint64_t object = fake.object("frame", 0x60);
    fake.put(object + 24, frame);
    fake.put(frame + (fake.version.is_at_least(12) ? 48 : 40), object);
    fake.put(state + 0x60, object);
    return at;
  }
  // A frame called by `previous`.
  uint64_t frame(std::string_view function, uint64_t previous) {
    const uint64_t at = fake.take(0x100), code = fake.code(function, "/srv/app.py", 7);
    FakeValues(fake).name_variables(code, {});
    fake.put(at + fake.layout.frame_code, fake.marked(code));
    fake.put(at + fake.layout.frame_previous, previous);
    fake.put(at + fake.layout.frame_instruction, code + fake.layout.code_instructions + 2);
    return at;
  }

  Greenlets read() const {
    Objects objects(fake, fake.layout);
    const Types types(objects, fake.version);
    FrameReader frames(objects, types, fake.version);
    const ThreadStates threads =
        read_threads(objects, Address(fake.interpreters), NativeThreads(fake.image));
    return read_greenlets(objects, types, fake.version, frames, threads, fake.image);
  }

  FakePython fake;
  std::vector<uint64_t> heads;
};

std::vector<std::string> functions(const RuntimeTask& task) {
  std::vector<std::string> names;
  for (const RuntimeFrame& frame : task.frames) names.push_back(frame.function);
  return names;
}

class GreenletsOfEachVersion : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Greenlets, GreenletsOfEachVersion, testing::Range(11u, 16u));

TEST_P(GreenletsOfEachVersion, ThoseThatAreSwitchedAwayAreToldWithTheirFrames) {
  FakeGreenlets process(GetParam());
  process.tracked("list", 0);
  const uint64_t type = process.fake.type("Worker");
  process.fake.put(type + 256, process.fake.type("greenlet.greenlet"));  // tp_base
  process.greenlet("greenlet.greenlet", 0, process.frame("switch", process.frame("work", 0)));
  process.greenlet("greenlet.greenlet", 1, 0);
  process.tracked("dict", 2);
  process.greenlet("Worker", 2, process.frame("wait", 0));
  const Greenlets read = process.read();
  EXPECT_THAT(read.notes, IsEmpty());
  ASSERT_THAT(read.list, SizeIs(2));
  EXPECT_THAT(read.list[0].name, HasSubstr("greenlet.greenlet at 0x"));
  EXPECT_EQ(read.list[0].state, "switched away");
  EXPECT_THAT(functions(read.list[0]), ElementsAre("switch", "work"));
  EXPECT_EQ(read.list[0].gap, "");
  EXPECT_THAT(read.list[1].name, HasSubstr("Worker at 0x"));
  EXPECT_THAT(functions(read.list[1]), ElementsAre("wait"));
}

TEST_P(GreenletsOfEachVersion, AChainThatLeadsToAStackEndsThere) {
  FakeGreenlets process(GetParam());
  process.fake.image.threads[0].registers.set_sp(Address(FakePython::kStackStart + 0x100));
  Mapping& stack = process.fake.image.mappings.emplace_back();
  stack.range = {Address(FakePython::kStackStart), Address(FakePython::kStackStart + 0x1000)};
  process.greenlet("greenlet.greenlet", 0, process.frame("work", FakePython::kStackStart + 0x200));
  const uint64_t circle = process.frame("again", 0);
  process.fake.put(circle + process.fake.layout.frame_previous, circle);
  process.greenlet("greenlet.greenlet", 0, circle);
  const Greenlets read = process.read();
  ASSERT_THAT(read.list, SizeIs(2));
  EXPECT_THAT(functions(read.list[0]), ElementsAre("again"));
  EXPECT_THAT(read.list[0].gap, HasSubstr("circle"));
  EXPECT_THAT(functions(read.list[1]), ElementsAre("work"));
  EXPECT_THAT(read.list[1].gap, HasSubstr("others use now"));
}

TEST_P(GreenletsOfEachVersion, WhatDoesNotLeadBackIsNotBelieved) {
  FakeGreenlets process(GetParam());
  const uint64_t inner = process.frame("work", 0);
  const uint64_t first = process.greenlet("greenlet.greenlet", 0, inner);
  process.fake.put(process.fake.get(first + 32) + 0xa0, 0);
  const uint64_t second = process.greenlet("greenlet.greenlet", 0, process.frame("other", 0));
  process.fake.put(process.fake.get(process.fake.get(second + 32) + 0x60) + 24, inner);
  const Greenlets read = process.read();
  ASSERT_THAT(read.list, SizeIs(1));
  EXPECT_THAT(read.list[0].gap, HasSubstr("is not known"));
  EXPECT_THAT(read.list[0].frames, IsEmpty());
}

TEST_P(GreenletsOfEachVersion, BrokenListsAreSaid) {
  FakeGreenlets process(GetParam());
  process.greenlet("greenlet.greenlet", 0, process.frame("work", 0));
  const uint64_t broken = process.tracked("list", 1);
  process.tracked("list", 1);
  process.tracked("list", 1);
  process.fake.put(broken - 16, 0);
  Greenlets read = process.read();
  EXPECT_THAT(read.list, SizeIs(1));
  EXPECT_THAT(read.notes, ElementsAre(HasSubstr("list is broken at")));
  process.fake.put(process.heads[2], 0);
  read = process.read();
  EXPECT_THAT(read.list, IsEmpty());
  EXPECT_THAT(read.notes, ElementsAre(HasSubstr("where this version lists its objects")));
}

TEST(Greenlets, WithoutTheModuleThereAreNoneAndBefore3_11TheyAreNotRead) {
  FakeGreenlets process(12);
  FakeValues make(process.fake);
  process.greenlet("greenlet.greenlet", 0, process.frame("work", 0));
  process.fake.put(process.fake.interpreter + *process.fake.layout.interpreter_modules,
                   make.dict({}));
  EXPECT_THAT(process.read().list, IsEmpty());
  EXPECT_THAT(process.read().notes, IsEmpty());
  process.fake.version.minor = 10;
  EXPECT_THAT(process.read().notes, ElementsAre(HasSubstr("not read in CPython 3.10")));
}

}  // namespace
}  // namespace inquest::process::cpython
