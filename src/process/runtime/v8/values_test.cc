#include "process/runtime/v8/values.h"

#include <gtest/gtest.h>

#include <cmath>

#include "process/runtime/v8/fake_v8_test_util.h"

namespace inquest::process::v8 {
namespace {

struct ValuesTest : testing::Test {
  FakeV8 fake;

  RuntimeVariable show(uint64_t word, std::string name = "x") const {
    const Heap heap(fake, fake.layout);
    const Functions functions(heap);
    RuntimeVariable variable{.name = std::move(name)};
    Values(heap, functions).show(Word{word}, variable);
    return variable;
  }
  std::string shown(uint64_t word, std::string name = "x") const {
    const RuntimeVariable variable = show(word, std::move(name));
    if (!variable.why_not.empty()) return "<" + variable.why_not + ">";
    return variable.type.empty() ? variable.text : variable.type + " " + variable.text;
  }
};

TEST_F(ValuesTest, OfPrimitivesAreAsJavaScriptWritesThem) {
  EXPECT_EQ(shown(FakeV8::small(-7)), "number -7");
  EXPECT_EQ(shown(fake.number(1.5)), "number 1.5");
  EXPECT_EQ(shown(fake.number(3)), "number 3");
  EXPECT_EQ(shown(fake.number(-INFINITY)), "number -Infinity");
  EXPECT_EQ(shown(fake.number(NAN)), "number NaN");
  EXPECT_EQ(shown(fake.oddball(4)), "undefined");
  EXPECT_EQ(shown(fake.oddball(3)), "null");
  EXPECT_EQ(shown(fake.oddball(1)), "boolean true");
  EXPECT_EQ(shown(fake.oddball(0)), "boolean false");
  EXPECT_EQ(shown(fake.oddball(9)), "<it has no value yet>");
  EXPECT_EQ(shown(fake.text("it's\n\x01")), R"(string 'it\'s\n\x01')");
  EXPECT_EQ(shown(fake.text(std::string(200, 'y'))), "string '" + std::string(120, 'y') + "'…");
  EXPECT_EQ(shown(fake.function(fake.shared(fake.text("sum"), 0))), "function sum()");
}

TEST_F(ValuesTest, OfDatesAreInUtc) {
  const uint64_t date = fake.object(2120, 0x40);
  fake.set_class(date, fake.function(fake.shared(fake.text("Date"), 0)));
  fake.set(date, 24, fake.number(946728000123.0));
  EXPECT_EQ(shown(date), "Date 2000-01-01T12:00:00.123Z");
  fake.set(date, 24, FakeV8::small(-1));
  EXPECT_EQ(shown(date), "Date 1969-12-31T23:59:59.999Z");
  fake.layout.values.plain_dates = true;
  fake.set(date, 24, std::bit_cast<uint64_t>(946728000123.0));
  EXPECT_EQ(shown(date), "Date 2000-01-01T12:00:00.123Z");
  fake.set(date, 24, std::bit_cast<uint64_t>(1e300));
  EXPECT_EQ(shown(date), "Date Invalid Date");
}

TEST_F(ValuesTest, OfBigintsHaveTheirDigits) {
  const uint64_t bigint = fake.object(129, 0x20);
  fake.set(bigint, 8, 0);
  EXPECT_EQ(shown(bigint), "bigint 0n");
  fake.set(bigint, 8, 1 << 1 | 1);
  fake.set(bigint, 16, 42);
  EXPECT_EQ(shown(bigint), "bigint -42n");
  fake.set(bigint, 8, 2 << 1);
  fake.set(bigint, 24, 1);
  EXPECT_EQ(shown(bigint), "bigint 0x1000000000000002an");
}

TEST_F(ValuesTest, OfObjectsHaveTheirClassAndProperties) {
  const uint64_t object =
      fake.plain_object({{fake.text("id"), FakeV8::small(7)}, {fake.text("name"), fake.text("a")}});
  EXPECT_EQ(shown(object), "Object { id: 7, name: 'a' }");
  fake.set_class(object, fake.function(fake.shared(fake.text("User"), 0)));
  EXPECT_EQ(shown(object), "User { id: 7, name: 'a' }");
  EXPECT_EQ(shown(fake.array_object({object, fake.object(261, 8), fake.number(2.5)})),
            "<a kind of object that is not read>");  // nothing tells its class
}

TEST_F(ValuesTest, OfArraysHaveTheirElements) {
  const uint64_t constructor = fake.function(fake.shared(fake.text("Array"), 0));
  const uint64_t array =
      fake.array_object({FakeV8::small(1), fake.object(261, 0x10), fake.text("two")});
  fake.set_class(array, constructor);
  EXPECT_EQ(shown(array), "Array [ 1, <empty>, 'two' ]");
  const uint64_t empty = fake.array_object({});
  fake.set_class(empty, constructor);
  EXPECT_EQ(shown(empty), "Array []");
  fake.set(array, fake.layout.values.array_length, FakeV8::small(4));
  EXPECT_EQ(shown(array), "<an array longer than its elements>");
}

TEST_F(ValuesTest, OfDictionariesAreInTheOrderInWhichTheyWereAdded) {
  const uint64_t object = fake.plain_object({});
  fake.put(fake.map_of(object) + fake.layout.values.map_bit_field3, 1 << 21, 4);
  const uint64_t free = fake.oddball(4);
  const auto order = [](int64_t number) { return FakeV8::small(number << 9); };
  fake.set(object, fake.layout.values.object_properties,
           fake.array({0, 0, 0, 0, 0, 0,                               //
                       fake.text("late"), FakeV8::small(2), order(2),  //
                       free, free, free,                               //
                       fake.text("early"), FakeV8::small(1), order(1)}));
  EXPECT_EQ(shown(object), "Object { early: 1, late: 2 }");
}

TEST_F(ValuesTest, WithSecretsAreNotShown) {
  EXPECT_EQ(shown(fake.text("hunter2"), "password"), "string [scrubbed]");
  EXPECT_EQ(shown(fake.plain_object({{fake.text("apiKey"), fake.text("hunter2")}})),
            "Object { apiKey: [scrubbed] }");
  EXPECT_EQ(shown(fake.text("postgres://u:hunter2@db/")).find("hunter2"), std::string::npos);
}

TEST_F(ValuesTest, ThatContainThemselvesEnd) {
  const uint64_t object = fake.plain_object({{fake.text("self"), 0}});
  fake.set(object, 24, object);
  EXPECT_EQ(shown(object), "Object { self: { self: { … } } }");
}

TEST_F(ValuesTest, ThatAreNotThereSayWhy) {
  EXPECT_NE(shown(0x123456789001).find("is not mapped"), std::string::npos);
  EXPECT_EQ(shown(fake.context()), "<a kind of object that is not read>");
}

}  // namespace
}  // namespace inquest::process::v8
