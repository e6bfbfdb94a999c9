#include "process/runtime/v8/heap.h"

#include <gtest/gtest.h>

#include "process/runtime/v8/fake_v8_test_util.h"

namespace inquest::process::v8 {
namespace {

std::string read(const FakeV8& fake, uint64_t string) {
  const Heap heap(fake, fake.layout);
  const auto text = heap.text(Word{string});
  return text.ok() ? *text : "error: " + text.error().message();
}

TEST(Strings, OfOneByteAreLatin1) {
  FakeV8 fake;
  EXPECT_EQ(read(fake, fake.text("gr\xf6\xdf"
                                 "e")),
            "größe");
  EXPECT_EQ(read(fake, fake.text("")), "");
}

TEST(Strings, OfTwoBytesAreUtf16) {
  FakeV8 fake;
  EXPECT_EQ(read(fake, fake.wide_text(u"大きさ 🙂")), "大きさ 🙂");
  EXPECT_EQ(read(fake, fake.wide_text(std::u16string(1, 0xd83d))), "\xef\xbf\xbd");  // half of one
}

TEST(Strings, MadeOfOthersAreReadThrough) {
  FakeV8 fake;
  const uint64_t cons = fake.string_of(FakeV8::kOneByte | FakeV8::kCons, 11);
  fake.set(cons, 16, fake.text("hello "));
  fake.set(cons, 24, fake.text("world"));
  EXPECT_EQ(read(fake, cons), "hello world");
  const uint64_t slice = fake.string_of(FakeV8::kOneByte | FakeV8::kSliced, 5);
  fake.set(slice, 16, cons);
  fake.set(slice, 24, FakeV8::small(3));
  EXPECT_EQ(read(fake, slice), "lo wo");
  const uint64_t thin = fake.string_of(FakeV8::kOneByte | FakeV8::kThin, 5);
  fake.set(thin, 16, slice);
  EXPECT_EQ(read(fake, thin), "lo wo");
  const uint64_t both = fake.string_of(FakeV8::kOneByte | FakeV8::kCons, 10);
  fake.set(both, 16, slice);
  fake.set(both, 24, thin);
  EXPECT_EQ(read(fake, both), "lo wolo wo");
}

TEST(Strings, KeptOutsideAreReadWhereTheyAre) {
  FakeV8 fake;
  const uint64_t characters = fake.text("outside") - 1 + 16;
  const uint64_t string = fake.string_of(FakeV8::kOneByte | FakeV8::kExternal, 7);
  fake.set(string, 24, characters);
  EXPECT_EQ(read(fake, string), "outside");
  fake.set(string, 24, 0x1000);
  EXPECT_EQ(read(fake, string), "error: 0x1000 is not mapped");
}

TEST(Strings, ThatHoldThemselvesEnd) {
  FakeV8 fake;
  const uint64_t cons = fake.string_of(FakeV8::kOneByte | FakeV8::kCons, 1 << 30);
  fake.set(cons, 16, cons);
  fake.set(cons, 24, cons);
  EXPECT_EQ(read(fake, cons), "error: a string of too many parts");
}

TEST(Objects, AreKnownByTheirTypes) {
  FakeV8 fake;
  const Heap heap(fake, fake.layout);
  const Word function{fake.function(fake.shared(0, 0))};
  EXPECT_TRUE(heap.is_function(function));
  EXPECT_FALSE(heap.is_string(function));
  EXPECT_TRUE(heap.is_context(Word{fake.context()}));
  EXPECT_FALSE(heap.is_function(Word{FakeV8::small(7)}));
  EXPECT_FALSE(heap.is(Word{0x1001}, fake.layout.types.map));
  EXPECT_FALSE(heap.is(function, 0));
}

TEST(Arrays, AreBounded) {
  FakeV8 fake;
  const Heap heap(fake, fake.layout);
  const Word array{fake.array({FakeV8::small(1), FakeV8::small(2)})};
  EXPECT_EQ(heap.element(array, 1)->small(), 2);
  EXPECT_FALSE(heap.element(array, 2).ok());
  fake.set(array.bits, 8, FakeV8::small(-1));
  EXPECT_FALSE(heap.element(array, 0).ok());
}

}  // namespace
}  // namespace inquest::process::v8
