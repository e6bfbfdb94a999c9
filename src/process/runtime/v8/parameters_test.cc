#include "process/runtime/v8/parameters.h"

#include <gtest/gtest.h>

namespace inquest::process::v8 {
namespace {

std::string names(std::u16string_view source) {
  const auto parameters = parameters_at(source);
  if (!parameters) return "none";
  std::string out;
  for (const Parameter& parameter : *parameters)
    out += (parameter.is_rest ? "..." : "") + (parameter.name.empty() ? "?" : parameter.name) + " ";
  return out;
}

TEST(Parameters, AreNamedInTheSource) {
  EXPECT_EQ(names(u"(id, user) { return id; }"), "id user ");
  EXPECT_EQ(names(u"() {}"), "");
  EXPECT_EQ(names(u"(/* the, id */ id // or so)\n , größe, $x_1) => 1"), "id größe $x_1 ");
  EXPECT_EQ(names(u"x => x + 1"), "x ");
  EXPECT_EQ(names(u"async x => x"), "x ");
  EXPECT_EQ(names(u"async (a, b) => a"), "a b ");
  EXPECT_EQ(names(u"get first() { return 1; }"), "");
}

TEST(Parameters, WithDefaultsAndPatternsKeepTheirPlaces) {
  EXPECT_EQ(names(u"(a = { b: [1, 2] }, c = '),(', d = f(1, 2), e) {"), "a c d e ");
  EXPECT_EQ(names(u"({ id, name } = {}, [first], ...others) {"), "? ? ...others ");
}

TEST(Parameters, BehindWhatIsNotUnderstoodAreLeftOut) {
  EXPECT_EQ(names(u"(a, b = /),(/, c) {"), "a b ");
  EXPECT_EQ(names(u"(a, b = `${x}, y`, c) {"), "a b ");
  EXPECT_EQ(names(u"(a, b"), "a b ");
  EXPECT_EQ(names(u"(a, b = 'x"), "a b ");
}

TEST(Parameters, AreNoneWhereNoFunctionBegins) {
  EXPECT_EQ(names(u"class Order { }"), "none");
  EXPECT_EQ(names(u""), "none");
  EXPECT_EQ(names(u"= 1"), "none");
}

}  // namespace
}  // namespace inquest::process::v8
