// Hostile memory of a V8: sound objects and frames, overwritten with words of the input, and tables
// made of the input as it is.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "process/runtime/v8/builtins.h"
#include "process/runtime/v8/fake_v8_test_util.h"
#include "process/runtime/v8/frames.h"
#include "process/runtime/v8/position_table.h"

namespace {

using namespace inquest;
using namespace inquest::process;
using namespace inquest::process::v8;

constexpr size_t kPatchSize = 11;  // a byte for the kind, two for the place, eight for the word
constexpr size_t kMaxPatches = 64;
constexpr size_t kMaxInput = 4096;

// A word that is near a sound one: fuzzers seldom guess addresses.
uint64_t word_of(uint8_t kind, uint64_t raw) {
  switch (kind & 3) {
    case 0:
      return raw;
    case 1:
      return FakeV8::kStart + raw % FakeV8::kSize / 8 * 8 + 1;
    case 2:
      return FakeV8::small(static_cast<int64_t>(raw & 0xffff));
    default:
      return raw & 0xffff;
  }
}

void use_tables(ByteView bytes) {
  std::u16string source;
  for (const uint8_t byte : bytes) source.push_back(byte);
  static_cast<void>(parameters_at(source));
  static_cast<void>(find_code(bytes, find_extents(bytes)));
  for (const bool flag : {false, true})
    static_cast<void>(position_at(bytes, bytes.size() * 3, flag));
  if (const auto sizes = BytecodeSizes::find(bytes))
    static_cast<void>(bytecode_at(*sizes, bytes, bytes, uint64_t{1} << 40));
}

// Frames of each tier, over a script whose source is made of two strings.
struct Program {
  FakeV8 fake;
  uint64_t interpreted = 0, optimised = 0, instructions = 0;

  explicit Program(ByteView table) {
    const Bytes content(table.begin(), table.begin() + std::min<size_t>(table.size(), 200));
    const uint64_t source = fake.string_of(FakeV8::kOneByte | FakeV8::kCons, 16);
    fake.set(source, 16, fake.text("one\n(id, {\n"));
    fake.set(source, 24, fake.text("x\r\n},\r...6"));
    const uint64_t script = fake.script(fake.text("/srv/app.js"), source);
    const uint64_t scope = fake.object(fake.layout.types.scope_info, 0x80);
    fake.set(scope, 32, fake.text("order"));
    fake.set(scope, 40, FakeV8::small(4));
    fake.set(scope, 48, FakeV8::small(20));
    const uint64_t shared = fake.shared(scope, script);
    fake.put(shared - 1 + fake.layout.shared_parameter_count, 3, 2);
    const uint64_t function = fake.function(shared);
    interpreted = fake.frame(fake.context(), function);
    fake.put_in_frame(interpreted, fake.layout.frame_bytecode_array,
                      fake.bytecodes(content, fake.byte_array(content)));
    fake.put_in_frame(interpreted, fake.layout.frame_bytecode_offset,
                      FakeV8::small(fake.layout.bytecode_data + 3));
    pass(interpreted, function);
    optimised = fake.frame(fake.context(), function);
    const uint64_t deopt =
        fake.array({0, 0, fake.array({shared, shared}), 0, 0, 0, 0, fake.byte_array(content), 0});
    instructions = fake.optimised_code(deopt, fake.byte_array(content));
  }

  // `this` and arguments of many kinds, one inside of another.
  void pass(uint64_t fp, uint64_t function) {
    const uint64_t self = fake.plain_object(
        {{fake.text("id"), fake.number(1.5)}, {fake.text("list"), fake.array_object({function})}});
    fake.set_class(self, function);
    const std::vector<uint64_t> words = {self, fake.array_object({self, fake.oddball(2)}),
                                         fake.text("text"), fake.object(129, 0x20),
                                         fake.plain_object({}, 2120)};
    fake.put_in_frame(fp, fake.layout.frame_argument_count, words.size());
    for (size_t i = 0; i < words.size(); ++i) {
      const auto slot = static_cast<int32_t>(8 * i);
      fake.put_in_frame(fp, fake.layout.frame_receiver + slot, words[i]);
    }
  }

  void use() {
    const Heap heap(fake, fake.layout);
    FrameReader reader(heap, {});
    for (const uint64_t fp : {interpreted, optimised}) {
      for (const bool in_builtin : {true, false}) {
        const auto frames =
            reader.read(Address(fp), Address(instructions + 0x40), true, in_builtin);
        INQ_CHECK(!frames || !frames->empty());
      }
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > kMaxInput) return 0;
  const ByteView input(data, size);
  use_tables(input);
  const size_t table = std::min<size_t>(input[0], size - 1);
  Program program(input.subspan(1, table));
  ByteView rest = input.subspan(1 + table);
  for (size_t i = 0; i < kMaxPatches && rest.size() >= kPatchSize; ++i) {
    const uint64_t offset = uint64_t{*load<uint16_t>(rest, 1)} * 4 % FakeV8::kSize / 8 * 8;
    program.fake.put(FakeV8::kStart + offset, word_of(rest[0], *load<uint64_t>(rest, 3)));
    rest = rest.subspan(kPatchSize);
  }
  program.use();
  return 0;
}
