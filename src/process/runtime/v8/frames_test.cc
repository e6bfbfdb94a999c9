#include "process/runtime/v8/frames.h"

#include <gtest/gtest.h>

#include "process/runtime/v8/fake_v8_test_util.h"

namespace inquest::process::v8 {
namespace {

struct Frames : testing::Test {
  FakeV8 fake;
  uint64_t script = fake.script(fake.text("/srv/app.js"), fake.text("one\ntwo\nthree four"));
  uint64_t function = fake.function(fake.shared(fake.text("order"), script));
  uint64_t fp = fake.frame(fake.context(), function);

  std::optional<std::vector<RuntimeFrame>> read(bool in_builtin, uint64_t pc = 0x400000) {
    const Heap heap(fake, fake.layout);
    return FrameReader(heap, {}).read(Address(fp), Address(pc), true, in_builtin);
  }
  void set_slot(int32_t offset, uint64_t word) { fake.put_in_frame(fp, offset, word); }
  // Bytecode 3 is at "four".
  void interpret(int64_t offset) {
    const Bytes positions = {2, 20, 6, 40};  // 0: 4, 3: 14 (differences in zigzag)
    set_slot(fake.layout.frame_bytecode_array,
             fake.bytecodes(Bytes(9), fake.byte_array(positions)));
    set_slot(fake.layout.frame_bytecode_offset,
             FakeV8::small(offset + fake.layout.bytecode_data - 1));
  }
};

std::string arguments(const RuntimeFrame& frame) {
  std::string told;
  for (const RuntimeVariable& variable : frame.variables)
    told += variable.name + "=" + variable.text + " ";
  return told;
}

TEST_F(Frames, OfTheInterpreterTellTheirPlace) {
  interpret(3);
  const auto frames = read(true);
  ASSERT_TRUE(frames);
  ASSERT_EQ(frames->size(), 1u);
  EXPECT_EQ((*frames)[0].function, "order");
  EXPECT_EQ((*frames)[0].file, "/srv/app.js");
  EXPECT_EQ((*frames)[0].tier, "interpreted");
  EXPECT_EQ((*frames)[0].line, 3u);
  EXPECT_EQ((*frames)[0].column, 7u);
  EXPECT_EQ((*frames)[0].gap, "");
}

TEST_F(Frames, TellWhatTheyWereCalledWith) {
  const uint64_t source = fake.text("function order(id, {x}, ...more) {}");
  const uint64_t scope = fake.object(fake.layout.types.scope_info, 0x80);
  fake.set(scope, 24, 0);
  fake.set(scope, 32, fake.text("order"));
  fake.set(scope, 40, FakeV8::small(14));  // where it begins, and where it ends
  fake.set(scope, 48, FakeV8::small(34));
  const uint64_t shared = fake.shared(scope, fake.script(fake.text("/srv/app.js"), source));
  fake.put(shared - 1 + fake.layout.shared_parameter_count, 3, 2);  // with `this`
  set_slot(fake.layout.frame_function, fake.function(shared));
  set_slot(fake.layout.frame_argument_count, 4);
  const uint64_t self = fake.plain_object({});
  fake.set_class(self, fake.function(fake.shared(fake.text("Shop"), 0)));
  const std::vector<uint64_t> words = {self, FakeV8::small(7), fake.oddball(3), FakeV8::small(9)};
  for (size_t i = 0; i < words.size(); ++i)
    set_slot(fake.layout.frame_receiver + static_cast<int32_t>(8 * i), words[i]);
  interpret(3);
  const auto frames = read(true);
  ASSERT_TRUE(frames);
  EXPECT_EQ((*frames)[0].function, "Shop.order");
  EXPECT_EQ(arguments((*frames)[0]), "this={} id=7 argument 2=null ...more[0]=9 ");
  set_slot(fake.layout.frame_argument_count, 1);
  const auto fewer = read(true);
  ASSERT_TRUE(fewer);
  EXPECT_EQ(arguments((*fewer)[0]), "this={} id=undefined argument 2=undefined ");
}

TEST_F(Frames, WithoutASoundBytecodeOffsetSaySo) {
  interpret(-70);
  const auto frames = read(true);
  ASSERT_TRUE(frames);
  EXPECT_EQ((*frames)[0].line, 0u);
  EXPECT_EQ((*frames)[0].gap, "its line is not known");
}

TEST_F(Frames, OfOtherThingsAreNone) {
  set_slot(fake.layout.frame_context, FakeV8::small(26));  // a frame of V8's own
  EXPECT_FALSE(read(true));
  set_slot(fake.layout.frame_context, fake.context());
  set_slot(fake.layout.frame_function, fake.text("no function"));
  EXPECT_FALSE(read(true));
  fp = 0x1000;
  EXPECT_FALSE(read(true));
}

TEST_F(Frames, OfBuiltinsHaveANameAndNoPlace) {
  set_slot(fake.layout.frame_function, fake.function(fake.shared(fake.text("map"), 0)));
  const auto frames = read(true);
  ASSERT_TRUE(frames);
  EXPECT_EQ((*frames)[0].function, "map");
  EXPECT_EQ((*frames)[0].tier, "builtin");
  set_slot(fake.layout.frame_function, fake.function(fake.shared(0, 0)));
  EXPECT_FALSE(read(true));
}

struct Optimised : Frames {
  uint64_t instructions = 0;

  // Code whose instruction 8 is at offset 4 of `inner`, which was inlined at offset 14 of `order`.
  void compile() {
    const uint64_t inner = fake.shared(fake.text("inner"), script);
    Bytes chain(16);
    const uint64_t outer = (14 + 1) << 1;
    std::memcpy(chain.data(), &outer, 8);
    const uint64_t none = FakeV8::small(0);
    const uint64_t literals = fake.array({inner});
    const uint64_t deopt =
        fake.array({none, none, literals, none, none, none, none, fake.byte_array(chain)});
    // One entry: code offset 8, script offset 4, inlining 0.
    Bytes table = {9 << 1};
    uint64_t raw = (((4 + 1) << 1) | (uint64_t{1} << 31)) << 1;
    do {
      table.push_back(static_cast<uint8_t>((raw & 0x7f) | (raw > 0x7f ? 0x80 : 0)));
      raw >>= 7;
    } while (raw != 0);
    instructions = fake.optimised_code(deopt, fake.byte_array(table));
  }
};

TEST_F(Optimised, TellWhatWasInlinedInThem) {
  compile();
  const auto frames = read(false, instructions + 20);
  ASSERT_TRUE(frames);
  ASSERT_EQ(frames->size(), 2u);
  EXPECT_EQ((*frames)[0].function, "inner");
  EXPECT_EQ((*frames)[0].tier, "inlined");
  EXPECT_EQ((*frames)[0].line, 2u);
  EXPECT_EQ((*frames)[0].column, 1u);
  EXPECT_EQ((*frames)[1].function, "order");
  EXPECT_EQ((*frames)[1].tier, "optimised");
  EXPECT_EQ((*frames)[1].line, 3u);
  EXPECT_EQ((*frames)[1].column, 7u);
}

TEST_F(Optimised, BeforeAnyPositionSaySo) {
  compile();
  const auto frames = read(false, instructions + 4);
  ASSERT_TRUE(frames);
  ASSERT_EQ(frames->size(), 1u);
  EXPECT_NE((*frames)[0].gap.find("V8 kept no positions"), std::string::npos);
}

}  // namespace
}  // namespace inquest::process::v8
