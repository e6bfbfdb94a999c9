#include "diagnosis/facts/told.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "diagnosis/facts/abort_text.h"

namespace inquest::diagnosis {
namespace {

using ::testing::HasSubstr;

TEST(Told, LastWordsAreThoseUnderANameThatHoldsThem) {
  process::ProcessImage image;
  image.annotations = {{"ptype", "renderer"}, {"LOG_FATAL", ""}};
  EXPECT_FALSE(told_last_words(image).has_value());
  image.annotations.push_back({"LOG_FATAL", "cart.cc:12: Check failed: order."});
  ASSERT_TRUE(told_last_words(image).has_value());
  EXPECT_EQ(told_last_words(image)->value, "cart.cc:12: Check failed: order.");
}

TEST(Told, AFailedCheckIsAnAssertion) {
  const AbortFacts facts =
      parse_abort_text("../../base/cart.cc:12: Check failed: a == b (1 vs. 2). \nStack:\n#0 x");
  EXPECT_EQ(facts.kind, AbortFacts::Kind::kAssertion);
  EXPECT_EQ(facts.condition, "a == b (1 vs. 2).");
  EXPECT_EQ(facts.file, "../../base/cart.cc");
  EXPECT_EQ(facts.line, 12u);
}

TEST(Told, SystemAndAnnotationsBecomeStatementsOfBoundedSize) {
  process::ProcessImage image;
  Facts facts;
  add_told(image, facts);
  EXPECT_TRUE(facts.other.empty());
  image.system = "Linux 6.1";
  for (int i = 0; i < 100; ++i) {
    image.annotations.push_back({"key" + std::to_string(i), std::string(500, 'x')});
  }
  add_told(image, facts);
  ASSERT_EQ(facts.other.size(), 2u);
  EXPECT_THAT(facts.other[0].statement, HasSubstr("Linux 6.1"));
  EXPECT_THAT(facts.other[1].statement, HasSubstr("key0 = xxx"));
  EXPECT_THAT(facts.other[1].statement, HasSubstr("and 76 more"));
  EXPECT_LT(facts.other[1].statement.size(), 8000u);
}

}  // namespace
}  // namespace inquest::diagnosis
