#include "process/symbols/source_text.h"

#include <gtest/gtest.h>

namespace inquest::process {
namespace {

TEST(SourceText, MembersFollowArrowsAndDots) {
  EXPECT_EQ(member_of({"order", true}, "pricing").text, "order->pricing");
  EXPECT_EQ(member_of({"order", false}, "pricing").text, "order.pricing");
  EXPECT_EQ(member_of({"*it", true}, "x").text, "(*it)->x");
  EXPECT_EQ(member_of({"a + 1", true}, "x").text, "(a + 1)->x");
}

TEST(SourceText, ElementsOfArraysAndThroughPointers) {
  EXPECT_EQ(element_of({"a", false}, "i").text, "a[i]");
  EXPECT_EQ(element_of({"grid", true}, "i").text, "(*grid)[i]");
  EXPECT_EQ(element_at("p", "3").text, "p[3]");
  EXPECT_EQ(element_at("&x", "3").text, "(&x)[3]");
}

TEST(SourceText, AddressesAndPointees) {
  EXPECT_EQ(spell({"p", true}), "*p");
  EXPECT_EQ(spell_address({"p", true}), "p");
  EXPECT_EQ(spell_address({"order->items[2]", false}), "&order->items[2]");
}

TEST(SourceText, OnlyPostfixExpressionsNeedNoParentheses) {
  EXPECT_EQ(as_primary("find(a, b + 1)->x[i]"), "find(a, b + 1)->x[i]");
  EXPECT_EQ(as_primary("std::get<1, int>(t).y"), "std::get<1, int>(t).y");
  EXPECT_EQ(as_primary("-x"), "(-x)");
}

}  // namespace
}  // namespace inquest::process
