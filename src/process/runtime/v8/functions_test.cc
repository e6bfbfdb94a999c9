#include "process/runtime/v8/functions.h"

#include <gtest/gtest.h>

#include "process/runtime/v8/fake_v8_test_util.h"

namespace inquest::process::v8 {
namespace {

struct Lines : testing::Test {
  FakeV8 fake;
  Heap heap{fake, fake.layout};
  Functions functions{heap};

  std::string place(uint64_t script, uint32_t offset) {
    const auto found = functions.place_of(Word{script}, offset);
    return found.ok() ? std::to_string(found->line) + ":" + std::to_string(found->column)
                      : found.error().message();
  }
};

TEST_F(Lines, EndAsJavaScriptSays) {
  //                                                0  12  34 5  6  789
  const uint64_t script = fake.script(0, fake.wide_text(u"a\nb\r\nc\rd\u2028e\u2029f"));
  EXPECT_EQ(place(script, 0), "1:1");
  EXPECT_EQ(place(script, 2), "2:1");
  EXPECT_EQ(place(script, 5), "3:1");
  EXPECT_EQ(place(script, 7), "4:1");
  EXPECT_EQ(place(script, 9), "5:1");
  EXPECT_EQ(place(script, 11), "6:1");
  EXPECT_EQ(place(script, 4), "2:3");  // the \n of \r\n is still of its line
  EXPECT_EQ(place(script, 2), "2:1");  // what was read further does not change it
}

TEST_F(Lines, GoOnWhereTheScriptStandsInItsFile) {
  const uint64_t script = fake.script(0, fake.text("one\ntwo"));
  fake.set(script, fake.layout.script_line_offset, FakeV8::small(4));
  fake.set(script, fake.layout.script_column_offset, FakeV8::small(9));
  EXPECT_EQ(place(script, 1), "5:11");
  EXPECT_EQ(place(script, 5), "6:2");
}

TEST_F(Lines, BeforeTheFirstAreNone) {
  const uint64_t script = fake.script(0, fake.text("(function anonymous(\n) {\nthrow 1"));
  fake.set(script, fake.layout.script_line_offset, FakeV8::small(-2));
  EXPECT_EQ(place(script, 25), "1:1");
  EXPECT_EQ(place(script, 2), "a position outside of its script");
}

TEST_F(Lines, BehindTheEndAreNone) {
  EXPECT_EQ(place(fake.script(0, fake.text("abc")), 40), "a position beyond the end of its script");
}

struct Names : Lines {
  // Flags, parameters, locals in the context, then what is given.
  uint64_t scope(const std::vector<uint64_t>& words) {
    const uint64_t at = fake.object(fake.layout.types.scope_info, 8 * (words.size() + 4));
    for (size_t i = 0; i < words.size(); ++i) fake.set(at, 8 + 8 * i, words[i]);
    return at;
  }
  Function describe(uint64_t name, uint64_t script = 0) {
    const auto found = functions.of_function(Word{fake.function(fake.shared(name, script))});
    EXPECT_TRUE(found.ok());
    return found.ok() ? *found : Function();
  }
};

TEST_F(Names, StandInTheScopeBehindItsVariables) {
  const auto number = [](int64_t value) { return FakeV8::small(value); };
  EXPECT_EQ(describe(scope({number(0), number(2), number(0), fake.text("inner"), number(-1),
                            number(297), number(404)}))
                .name,
            "inner");
  const Function load = describe(
      scope({number(0), number(2), number(2), fake.text("this"), fake.text("callback"), number(82),
             number(83), fake.text("load"), number(-1), number(215), number(280), scope({})}));
  EXPECT_EQ(load.name, "load");
  EXPECT_EQ(load.start, 215u);
}

TEST_F(Names, OfNamelessFunctionsAreThoseThatTheyWereGiven) {
  EXPECT_EQ(
      describe(scope({0, 0, 0, fake.text(""), FakeV8::small(-1), fake.text("shop.open")})).name,
      "shop.open");
}

TEST_F(Names, OfWhatAModuleImportsAreNotItsOwn) {
  const uint64_t imports = fake.object(fake.layout.types.fixed_array, 0x20);
  EXPECT_EQ(describe(scope({0, 0, 0, FakeV8::small(0), FakeV8::small(90), imports, FakeV8::small(1),
                            fake.text("createRequire")}))
                .name,
            "");
}

TEST_F(Names, MayStandAlone) {
  EXPECT_EQ(describe(fake.text("map")).name, "map");
  EXPECT_EQ(describe(FakeV8::small(0)).name, "");
}

TEST_F(Names, ComeWithTheScript) {
  const Function function =
      describe(fake.text("f"), fake.script(fake.text("/srv/app.js"), fake.text("x")));
  EXPECT_EQ(function.file, "/srv/app.js");
  EXPECT_TRUE(function.script);
}

TEST_F(Names, OfClassesAreFoundThroughTheMap) {
  const uint64_t repository = fake.function(fake.shared(fake.text("Repository"), 0));
  const uint64_t instance = fake.object(3000, 0x20);
  uint64_t map = 0;
  const auto bytes = fake.view(Address(instance - 1), 8);
  std::memcpy(&map, bytes.data(), 8);
  fake.set(map, fake.layout.map_constructor, repository);
  EXPECT_EQ(functions.class_of(Word{instance}), "Repository");
  fake.set(map, fake.layout.map_constructor, map);  // a map that leads back to itself
  EXPECT_EQ(functions.class_of(Word{instance}), "");
}

TEST_F(Names, OfScopesWithImpossibleNumbersAreRefused) {
  const uint64_t bad = scope({0, 0, FakeV8::small(1 << 20)});
  EXPECT_FALSE(functions.of_function(Word{fake.function(fake.shared(bad, 0))}).ok());
}

}  // namespace
}  // namespace inquest::process::v8
