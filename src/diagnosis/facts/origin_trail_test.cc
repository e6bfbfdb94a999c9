#include "diagnosis/facts/origin_trail.h"

#include <gtest/gtest.h>

#include "diagnosis/facts/origin_fills.h"

namespace inquest::diagnosis {
namespace {

CodePlace place_in(const std::string& function, CodeRole role = CodeRole::kUser) {
  CodePlace place;
  place.function = function;
  place.role = role;
  return place;
}

TEST(OriginTrail, TheSameReasonCountsOnce) {
  OriginTrail trail;
  trail.suspect(place_in("parse"), 0, Reason::kCrashed, "it crashed here");
  for (int i = 0; i < 9; ++i)
    trail.suspect(place_in("parse"), std::nullopt, Reason::kStoresOther, "writes it");
  ASSERT_EQ(trail.suspects().size(), 1u);
  EXPECT_EQ(trail.suspects()[0].weight(),
            weight_of(Reason::kCrashed) + weight_of(Reason::kStoresOther) / 2);
}

TEST(OriginTrail, TheHeaviestReasonIsTold) {
  OriginTrail trail;
  trail.suspect(place_in("load"), std::nullopt, Reason::kHandedOn, "passed it on");
  trail.suspect(place_in("load"), std::nullopt, Reason::kMadeIt, "sets it to null");
  trail.suspect(place_in("load"), std::nullopt, Reason::kOwnsIt, "owns it");
  EXPECT_EQ(trail.ranked()[0].why, "sets it to null");
}

TEST(OriginTrail, ADeedElsewhereOutweighsTheCrash) {
  OriginTrail trail;
  trail.suspect(place_in("use"), 0, Reason::kCrashed, "it crashed here");
  trail.suspect(place_in("set"), std::nullopt, Reason::kStoresIt, "sets it to null");
  trail.suspect(place_in("other"), std::nullopt, Reason::kStoresOther, "writes it");
  const auto blamed = trail.ranked();
  ASSERT_EQ(blamed.size(), 3u);
  EXPECT_EQ(blamed[0].function, "set");
  EXPECT_EQ(blamed[1].function, "use");
  EXPECT_TRUE(trail.crashed("use"));
  EXPECT_FALSE(trail.crashed("set"));
}

TEST(OriginTrail, CorroborationNeedsASuspicion) {
  OriginTrail trail;
  trail.suspect(place_in("set"), std::nullopt, Reason::kStoresOther, "writes it");
  trail.corroborate("set", "and another thread is in it");
  trail.corroborate("idle", "and another thread is in it");
  ASSERT_EQ(trail.suspects().size(), 1u);
  EXPECT_EQ(trail.suspects()[0].weight(),
            weight_of(Reason::kStoresOther) + weight_of(Reason::kIsActive));
}

TEST(OriginTrail, LibrariesAreNeverToBlame) {
  OriginTrail trail;
  trail.suspect(place_in("strlen", CodeRole::kLibrary), 0, Reason::kMadeIt, "made it");
  EXPECT_TRUE(trail.ranked().empty());
}

TEST(OriginTrail, TypesAndNamesArePlain) {
  EXPECT_EQ(pointee("const struct shop::Order*"), "shop::Order");
  EXPECT_EQ(last_name("this->cart_.items[2]"), "items");
  EXPECT_EQ(last_name("&probe"), "probe");
}

TEST(OriginTrail, TemplateArgumentsAreToldFromPointersToThem) {
  EXPECT_EQ(last_part("std::vector<a::B, std::allocator<a::B> >::push_back"), "push_back");
  EXPECT_EQ(last_part("std::move<a::B&>"), "move");
  EXPECT_EQ(last_part("free"), "free");
  EXPECT_TRUE(has_argument("std::vector<a::B, std::allocator<a::B> >", "a::B"));
  EXPECT_FALSE(has_argument("std::vector<a::B*, std::allocator<a::B*> >", "a::B"));
  EXPECT_FALSE(has_argument("std::vector<a::Bee>", "a::B"));
}

TEST(OriginTrail, LibraryNamesAreThoseOfPrograms) {
  EXPECT_EQ(public_name("__libc_free"), "free");
  EXPECT_EQ(public_name("__munmap"), "munmap");
  EXPECT_EQ(public_name("__memset_avx2_unaligned_erms"), "memset_avx2_unaligned_erms");
}

TEST(OriginTrail, OnlyNullAndErrorCodesCanBeChecked) {
  EXPECT_TRUE(is_error_value(0));
  EXPECT_TRUE(is_error_value(0xffff'ffff));
  EXPECT_TRUE(is_error_value(~uint64_t{0}));
  EXPECT_FALSE(is_error_value(0x5555'5555'5000));
  EXPECT_FALSE(is_error_value(std::nullopt));
}

TEST(OriginTrail, WhatIsDoubtfulIsNoMoreThanPossible) {
  OriginTrail trail;
  trail.doubt(true);
  trail.suspect(place_in("bind"), std::nullopt, Reason::kStoresIt, "stores it");
  trail.doubt(false);
  trail.suspect(place_in("drop"), std::nullopt, Reason::kFreesIt, "frees it");
  const auto blamed = trail.ranked();
  ASSERT_EQ(blamed.size(), 2u);
  EXPECT_EQ(blamed[0].function, "drop");
  EXPECT_EQ(trail.suspects()[0].weight(), weight_of(Reason::kMayHaveMade));
}

TEST(OriginTrail, AStrongerReasonIsPutFirst) {
  OriginTrail trail;
  trail.suspect(place_in("lower"), std::nullopt, Reason::kSetsOthers, "writes it");
  trail.strengthen("lower", Reason::kBreaksRule);
  trail.strengthen("nobody", Reason::kBreaksRule);
  ASSERT_EQ(trail.suspects().size(), 1u);
  EXPECT_EQ(trail.suspects()[0].reasons.front(), Reason::kBreaksRule);
}

TEST(OriginTrail, EveryReasonHasAWeight) {
  for (int i = 0; i < static_cast<int>(Reason::kCount); ++i)
    EXPECT_GT(weight_of(static_cast<Reason>(i)), 0) << i;
}

class Code final : public process::MemoryReader {
 public:
  explicit Code(Bytes code) : code_(std::move(code)) {}
  ByteView view(Address address, uint64_t max) const override {
    if (address < Address(0x1000) || address - Address(0x1000) >= code_.size()) return {};
    const uint64_t offset = address - Address(0x1000);
    return ByteView(code_).subspan(offset, std::min<uint64_t>(max, code_.size() - offset));
  }
  process::Missing why_missing(Address address) const override {
    return view(address, 1).empty() ? process::Missing::kUnmapped : process::Missing::kNone;
  }

 private:
  Bytes code_;
};

process::FunctionCode decoded(Bytes bytes) {
  const uint64_t size = bytes.size();
  const Code memory(std::move(bytes));
  return process::FunctionCode::decode(isa::Arch::kX86_64, memory,
                                       {Address(0x1000), Address(0x1000) + size}, Address(0x1000));
}

bool is_ignored(Bytes bytes) { return ignores_result(decoded(std::move(bytes)), 0); }

// 0 test edi, edi  1 je 3  2 mov [rsi], rdx  3 ret
TEST(HasWayAround, AStoreBehindABranchCanBeSkipped) {
  const auto code = decoded({0x85, 0xff, 0x74, 0x03, 0x48, 0x89, 0x16, 0xc3});
  ASSERT_EQ(code.size(), 4u);
  EXPECT_TRUE(has_way_around(code, {2}));
  EXPECT_FALSE(has_way_around(code, {0}));
  EXPECT_FALSE(has_way_around(code, {3}));
}

TEST(IgnoresResult, AResultThatIsOverwrittenIsNotLookedAt) {
  // call; mov rdi, rsp; call; ret
  EXPECT_TRUE(is_ignored({0xe8, 0, 0, 0, 0, 0x48, 0x89, 0xe7, 0xe8, 0, 0, 0, 0, 0xc3}));
  // call; xor eax, eax; ret
  EXPECT_TRUE(is_ignored({0xe8, 0, 0, 0, 0, 0x31, 0xc0, 0xc3}));
}

TEST(IgnoresResult, AResultThatIsTestedOrReturnedIsLookedAt) {
  // call; test eax, eax; je; ret
  EXPECT_FALSE(is_ignored({0xe8, 0, 0, 0, 0, 0x85, 0xc0, 0x74, 0x00, 0xc3}));
  // call; ret
  EXPECT_FALSE(is_ignored({0xe8, 0, 0, 0, 0, 0xc3}));
}

}  // namespace
}  // namespace inquest::diagnosis
