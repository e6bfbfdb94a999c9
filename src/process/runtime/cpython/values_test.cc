#include "process/runtime/cpython/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/runtime/cpython/fake_values_test_util.h"
#include "process/runtime/cpython/known_types.h"
#include "process/runtime/cpython/locals.h"
#include "process/runtime/cpython/scalars.h"

namespace inquest::process::cpython {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

RuntimeVariable shown(const FakePython& fake, uint64_t object, std::string name = "x") {
  const Objects objects(fake, fake.layout);
  const Types types(objects, fake.version);
  RuntimeVariable variable{
      .name = std::move(name), .type = {}, .text = {}, .why_not = {}, .is_argument = false};
  Values(objects, types, fake.version).show(Address(object), variable);
  return variable;
}

class ValuesOfEachVersion : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Values, ValuesOfEachVersion, testing::Range(6u, 16u));

TEST_P(ValuesOfEachVersion, NumbersAndContainersAreToldAsReprTellsThem) {
  FakePython fake(GetParam());
  FakeValues make(fake);
  const uint64_t list = make.list({make.number(7), make.number(-3), make.number(0), make.none()});
  EXPECT_EQ(shown(fake, list).text, "[7, -3, 0, None]");
  EXPECT_EQ(shown(fake, list).type, "list");
  EXPECT_EQ(shown(fake, make.tuple({list})).text, "([7, -3, 0, None],)");
  EXPECT_EQ(shown(fake, make.set({make.number(5)})).text, "{5}");
  EXPECT_EQ(shown(fake, make.set({})).text, "set()");
}

TEST_P(ValuesOfEachVersion, DictsOfBothLayoutsAreTold) {
  FakePython fake(GetParam());
  FakeValues make(fake);
  const FakeValues::Pairs entries = {{fake.text("one"), make.number(1)},
                                     {fake.text("two"), fake.text("zwei")}};
  EXPECT_EQ(shown(fake, make.dict(entries)).text, "{'one': 1, 'two': 'zwei'}");
  EXPECT_EQ(shown(fake, make.split_dict(entries)).text, "{'one': 1, 'two': 'zwei'}");
  EXPECT_EQ(shown(fake, make.instance("Order", entries)).text, "Order(one=1, two='zwei')");
}

TEST_P(ValuesOfEachVersion, WhatLooksLikeASecretIsNotRead) {
  FakePython fake(GetParam());
  FakeValues make(fake);
  const uint64_t secret = fake.text("hunter2");
  const FakeValues::Pairs entries = {{fake.text("db_password"), secret}};
  EXPECT_EQ(shown(fake, make.dict(entries)).text, "{'db_password': [scrubbed]}");
  EXPECT_EQ(shown(fake, make.instance("Account", entries)).text, "Account(db_password=[scrubbed])");
  EXPECT_EQ(shown(fake, secret, "token").text, "[scrubbed]");
  EXPECT_EQ(shown(fake, fake.text("https://ann:hunter2@shop/")).text,
            "'https://ann:[scrubbed]@shop/'");
}

TEST_P(ValuesOfEachVersion, WhatHoldsItselfEnds) {
  FakePython fake(GetParam());
  FakeValues make(fake);
  const uint64_t list = make.list({0});
  fake.put(fake.get(list + 24), list);
  EXPECT_EQ(shown(fake, list).text, "[[...]]");
}

TEST_P(ValuesOfEachVersion, WhatIsNotThereIsSaidInItsPlace) {
  FakePython fake(GetParam());
  FakeValues make(fake);
  const uint64_t list = make.list({make.number(1), 0, 0});
  fake.put(fake.get(list + 24) + 16, FakePython::kStart + FakePython::kSize + 0x1000);
  EXPECT_EQ(shown(fake, list).text, "[1, <NULL>, <0x600000041008 is not mapped>]");
  fake.lose_from(list);
  const RuntimeVariable lost = shown(fake, list);
  EXPECT_EQ(lost.text, "");
  EXPECT_THAT(lost.why_not, HasSubstr("not dumped"));
  EXPECT_THAT(shown(fake, 12345).why_not, HasSubstr("is no object"));
}

TEST_P(ValuesOfEachVersion, ManyItemsAreCutAndCounted) {
  FakePython fake(GetParam());
  FakeValues make(fake);
  const std::vector<uint64_t> items(100, make.number(1));
  EXPECT_THAT(shown(fake, make.list(items)).text, HasSubstr("1, … 88 more]"));
  const uint64_t huge = make.list({});
  fake.put(huge + 16, uint64_t{1} << 60);
  EXPECT_THAT(shown(fake, huge).why_not, HasSubstr("has no size"));
}

TEST_P(ValuesOfEachVersion, LongValuesEndSoonAndSayHowMuchIsLeftOut) {
  FakePython fake(GetParam());
  FakeValues make(fake);
  FakeValues::Pairs fields;
  for (const std::string_view name : {"a", "b", "c", "d", "e", "f"})
    fields.emplace_back(fake.text(name), fake.text(std::string(110, 'x')));
  const RuntimeVariable order = shown(fake, make.instance("Order", fields));
  EXPECT_EQ(order.why_not, "");
  const std::string& text = order.text;
  EXPECT_THAT(text, testing::EndsWith("xx', … 1 more)"));
  EXPECT_LT(text.size(), kMaxValueText + 130);
}

TEST_P(ValuesOfEachVersion, ArraysOfNumpyHaveShapeAndType) {
  FakePython fake(GetParam());
  FakeValues make(fake);
  const uint64_t array = fake.object("numpy.ndarray", 0x60), shape = fake.take(0x10);
  const uint64_t description = fake.object("numpy.dtype", 0x40);
  fake.put(array + 24, 2, 4);
  fake.put(array + 32, shape);
  fake.put(shape, 3);
  fake.put(shape + 8, 4);
  fake.put(array + 56, description);
  fake.put(description + 25, 'd', 1);
  EXPECT_EQ(shown(fake, array).text, "numpy.ndarray(shape=(3, 4), dtype=float64)");
  fake.put(description + 25, '!', 1);
  EXPECT_THAT(shown(fake, array).text, HasSubstr("<numpy.ndarray at 0x"));
}

TEST_P(ValuesOfEachVersion, VariablesOfAFrameAreThoseOfItsCode) {
  FakePython fake(GetParam());
  FakeValues make(fake);
  const uint64_t code = fake.code("rate", "/srv/rate.py", 7);
  make.name_variables(code, {"price", "unset"});
  const uint64_t frame = fake.push(code);
  make.set_variable(frame, 0, make.number(40));
  const Objects objects(fake, fake.layout);
  const Types types(objects, fake.version);
  Locals locals(objects, types, fake.version);
  std::string gap;
  const auto variables = locals.of(Address(frame), Address(code), gap);
  EXPECT_EQ(gap, "");
  ASSERT_EQ(variables.size(), 2u);
  EXPECT_EQ(variables[0].name, "price");
  EXPECT_EQ(variables[0].text, "40");
  EXPECT_TRUE(variables[0].is_argument);
  EXPECT_EQ(variables[1].text, "");
  EXPECT_EQ(variables[1].why_not, "unbound");
}

TEST_P(ValuesOfEachVersion, CellsAreLookedInto) {
  FakePython fake(GetParam());
  FakeValues make(fake);
  const uint64_t code = fake.code("rate", "/srv/rate.py", 7);
  make.name_variables(code, {"full", "empty", "early"}, 0x40);
  const uint64_t frame = fake.push(code);
  make.set_variable(frame, 0, make.cell(make.number(1)));
  make.set_variable(frame, 1, make.cell(0));
  make.set_variable(frame, 2, make.number(3));
  const Objects objects(fake, fake.layout);
  const Types types(objects, fake.version);
  std::string gap;
  const auto variables =
      Locals(objects, types, fake.version).of(Address(frame), Address(code), gap);
  ASSERT_EQ(variables.size(), 3u);
  EXPECT_EQ(variables[0].text, "1");
  EXPECT_EQ(variables[1].why_not, "unbound");
  EXPECT_EQ(variables[2].text, "3");
}

TEST_P(ValuesOfEachVersion, AClassWithTheNameOfABuiltInIsNone) {
  FakePython fake(GetParam());
  FakeValues make(fake);
  const uint64_t object = make.instance("list", {{fake.text("a"), make.number(1)}});
  EXPECT_EQ(shown(fake, object).text, "list(a=1)");
}

TEST_P(ValuesOfEachVersion, BuiltInTypesWhoseNamesAreNotThereAreKnownByTheirModules) {
  FakePython fake(GetParam());
  FakeValues make(fake);
  const uint64_t list = make.list({make.number(7), make.none()});
  const uint64_t meta = fake.get(fake.type("list") + fake.layout.object_type);
  fake.put(meta + 168, uint64_t{1} << 31);
  const auto names = [&](const FakeValues::Pairs& entries) {
    const uint64_t module = fake.object("module", 0x40);
    fake.put(module + 16, make.dict(entries));
    return module;
  };
  const uint64_t builtins = names({{fake.text("list"), fake.type("list")},
                                   {fake.text("int"), fake.type("int")},
                                   {fake.text("None"), make.none()},
                                   {fake.text("own"), fake.type("Order")}});
  fake.put(fake.interpreter + *fake.layout.interpreter_modules,
           make.dict({{fake.text("builtins"), builtins}}));
  for (const char* name : {"list", "int", "NoneType"})
    fake.put(fake.type(name) + fake.layout.type_name, 0x1000);  // not there
  const auto told = [&](bool learn) {
    Objects objects(fake, fake.layout);
    if (learn) learn_types(objects, fake.version, {Address(fake.interpreter)}, false);
    const Types types(objects, fake.version);
    RuntimeVariable variable{
        .name = "x", .type = {}, .text = {}, .why_not = {}, .is_argument = false};
    Values(objects, types, fake.version).show(Address(list), variable);
    return variable;
  };
  EXPECT_THAT(told(false).why_not, HasSubstr("the name of the type"));
  EXPECT_EQ(told(true).text, "[7, None]");
}

TEST(Scalars, IntsOfAnySize) {
  const auto repr = [](std::vector<uint32_t> digits, bool is_negative) {
    return repr_int(digits, is_negative);
  };
  EXPECT_EQ(repr({}, false), "0");
  EXPECT_EQ(repr({1}, true), "-1");
  EXPECT_EQ(repr({0, 1}, false), "1073741824");
  EXPECT_EQ(repr({0, 0, 1u << 10}, false), "1180591620717411303424");
  EXPECT_EQ(repr({1000000000}, false), "1000000000");
}

TEST(Scalars, FloatsHaveTheFewestDigitsThatReadBack) {
  EXPECT_EQ(repr_float(0.1), "0.1");
  EXPECT_EQ(repr_float(1), "1.0");
  EXPECT_EQ(repr_float(1e15), "1000000000000000.0");
  EXPECT_EQ(repr_float(1e16), "1e+16");
  EXPECT_EQ(repr_float(0.0001), "0.0001");
  EXPECT_EQ(repr_float(0.00001), "1e-05");
  EXPECT_EQ(repr_float(-0.0), "-0.0");
  EXPECT_EQ(repr_complex(0, 2), "2j");
  EXPECT_EQ(repr_complex(-0.0, 1), "(-0+1j)");
  EXPECT_EQ(repr_complex(1, -0.5), "(1-0.5j)");
}

TEST(Scalars, TextsAreQuotedAndEscaped) {
  const auto repr = [](std::vector<uint32_t> text) { return repr_text(text, 10, false); };
  EXPECT_EQ(repr({'i', '\'', 's'}), "\"i's\"");
  EXPECT_EQ(repr({'\'', '"'}), "'\\'\"'");
  EXPECT_EQ(repr({'\n', 0, 0x7f, '\\'}), "'\\n\\x00\\x7f\\\\'");
  EXPECT_EQ(repr({0xfc, 0xad, 0x202e, 0x1f600, 0xd800}), "'ü\\xad\\u202e😀\\ud800'");
  EXPECT_EQ(repr(std::vector<uint32_t>(11, 'x')), "'xxxxxxxxxx'…");
  EXPECT_EQ(repr_bytes(Bytes{'a', 0, 0xff}, 10, false), "b'a\\x00\\xff'");
}

}  // namespace
}  // namespace inquest::process::cpython
