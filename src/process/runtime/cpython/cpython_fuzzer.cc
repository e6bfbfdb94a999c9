// Hostile memory of a CPython: sound structures of a version, overwritten with words of the input,
// and line tables made of the input as it is.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "process/runtime/cpython/coroutines.h"
#include "process/runtime/cpython/fake_values_test_util.h"
#include "process/runtime/cpython/frames.h"
#include "process/runtime/cpython/known_types.h"
#include "process/runtime/cpython/line_table.h"
#include "process/runtime/cpython/state.h"
#include "process/runtime/cpython/task_lists.h"
#include "process/runtime/cpython/tasks.h"
#include "process/runtime/cpython/threads.h"

namespace {

using namespace inquest;
using namespace inquest::process;
using namespace inquest::process::cpython;

constexpr size_t kPatchSize = 11;  // a byte for the kind, two for the place, eight for the word
constexpr size_t kMaxPatches = 64;
constexpr size_t kMaxInput = 4096;

// A word that is near a sound one: fuzzers seldom guess addresses.
uint64_t word_of(const FakePython& fake, uint8_t kind, uint64_t raw) {
  switch (kind >> 2 & 3) {
    case 0:
      return raw;
    case 1:
      return FakePython::kStart + raw % FakePython::kSize / 8 * 8;
    case 2:
      return fake.thread_state + raw % 0x500;
    default:
      return raw & 0xffff;
  }
}

// Values of each kind that is read, all in the frame, and tasks that await each other.
void fill(FakePython& fake, uint64_t code, uint64_t frame) {
  FakeValues make(fake);
  make.name_variables(code, {"a", "b", "c", "d", "e", "f", "g", "h"},
                      frame % 32 == 0 ? 0x40 : 0x20);
  const FakeValues::Pairs entries = {{fake.text("one"), make.number(1)},
                                     {fake.text("key"), fake.bytes({0, 'x', 0xff})}};
  const uint64_t array = fake.object("numpy.ndarray", 0x60);
  fake.put(array + 24, 1, 4);
  fake.put(array + 32, fake.take(0x20));
  fake.put(array + 56, fake.object("numpy.dtype", 0x40));
  const std::vector<uint64_t> values = {make.list({make.number(-5), make.none()}),
                                        make.dict(entries),
                                        make.split_dict(entries),
                                        make.instance("Order", entries),
                                        make.set({make.number(3), fake.text("x", 4, false)}),
                                        make.cell(make.tuple({fake.object("float", 0x20)})),
                                        array,
                                        fake.object("bytearray", 0x40)};
  for (size_t i = 0; i < values.size(); ++i) make.set_variable(frame, i, values[i]);
  const uint64_t inner = make.coroutine(code, make.number(1));
  const uint64_t first = make.task("first", make.coroutine(code, inner), inner);
  make.load_asyncio({first, make.task("second", make.coroutine(code, first), first)});
}

void build(FakePython& fake, ByteView shape) {
  uint64_t code = fake.code("<module>", "/srv/app.py", 40);
  for (size_t i = 0; i < shape.size() && i < 24; ++i) {
    if (shape[i] % 4 == 0) code = fake.code("work", "/srv/work.py", shape[i]);
    fake.push(code, shape[i] % 2 == 0,
              shape[i] % 8 == 2 ? FakePython::kStackStart + shape[i] * 8 : 0);
  }
  const uint64_t with_variables = fake.code("sell", "/srv/shop.py", 3);
  fill(fake, with_variables, fake.push(with_variables));
  if (!shape.empty() && shape[0] % 5 == 0) fake.add_thread(FakePython::kSelf, FakePython::kTid);
}

void patch(FakePython& fake, ByteView bytes) {
  const uint8_t kind = bytes[0];
  const uint64_t offset = uint64_t{*load<uint16_t>(bytes, 1)} * 4 % FakePython::kSize;
  const uint64_t word = word_of(fake, kind, *load<uint64_t>(bytes, 3));
  fake.put(FakePython::kStart + offset, word, size_t{1} << (kind & 3));
}

void use(const FakePython& fake) {
  Objects objects(fake, fake.layout);
  learn_types(objects, fake.version, {Address(fake.interpreter)}, true);
  const Types types(objects, fake.version);
  FrameReader frames(objects, types, fake.version);
  const ThreadStates threads =
      read_threads(objects, Address(fake.interpreters), NativeThreads(fake.image));
  for (const ThreadState& state : threads.states) {
    INQ_CHECK(state.thread < fake.image.threads.size());
    FrameChain chain = frames.read(state.address);
    for (const Activation& activation : chain.activations) INQ_CHECK(!activation.frames.empty());
    static_cast<void>(exception_in_flight(objects, state.address));
    Stack stack;
    stack.frames.resize(4);
    for (size_t i = 0; i < 4; ++i) {
      stack.frames[i].registers.set_sp(Address(FakePython::kStackStart + 0x200 * i));
      stack.frames[i].cfa = Address(FakePython::kStackStart + 0x200 * (i + 1));
    }
    const RuntimeStack fitted =
        fit(std::move(chain.activations), stack, {false, true, true, false}, "Python");
    for (const RuntimeClaim& claim : fitted.claims) INQ_CHECK(claim.frame < stack.frames.size());
  }
  const Tasks tasks = read_tasks(objects, types, fake.version, frames, threads,
                                 task_lists_of_fake(fake.version.minor));
  INQ_CHECK(tasks.list.size() <= kMaxTasks);
  const Found found{
      .version = fake.version, .layout = fake.layout, .runtime = Address(fake.interpreters)};
  static_cast<void>(read_process_state(objects, found, threads, fake.image));
}

void use_tables(ByteView bytes, uint32_t first) {
  for (const LineFormat format :
       {LineFormat::kLineNumbers, LineFormat::kRanges, LineFormat::kLocations}) {
    for (const int64_t offset : {int64_t{-1}, int64_t{0}, int64_t{first}, int64_t{1} << 40}) {
      const auto place = place_of(format, bytes, first, offset);
      INQ_CHECK(!place || place->line != 0);
    }
  }
  static_cast<void>(read_debug_offsets(bytes).ok());
  static_cast<void>(read_task_lists(bytes, layout_of_fake(14)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4 || size > kMaxInput) return 0;
  const ByteView input(data, size);
  use_tables(input.subspan(2), input[1]);
  FakePython fake(6 + input[0] % 10);
  const size_t shape = std::min<size_t>(input[1] % 24, size - 2);
  build(fake, input.subspan(2, shape));
  ByteView rest = input.subspan(2 + shape);
  for (size_t i = 0; i < kMaxPatches && rest.size() >= kPatchSize; ++i) {
    patch(fake, rest);
    rest = rest.subspan(kPatchSize);
  }
  use(fake);
  return 0;
}
