#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/runtime/runtime.h"

namespace inquest::process {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint64_t kSp = 0x7ffd00001000;

// `count` frames of 0x100 bytes each, frame i at [kSp + 0x100 i, kSp + 0x100 (i + 1)).
Stack stack_of(size_t count) {
  Stack stack;
  for (size_t i = 0; i < count; ++i) {
    Frame& frame = stack.frames.emplace_back();
    frame.registers.set_sp(Address(kSp + 0x100 * i));
    frame.cfa = Address(kSp + 0x100 * (i + 1));
  }
  stack.total_frames = count;
  stack.end = StackEnd::kComplete;
  return stack;
}

Activation activation(std::vector<std::string> functions, std::optional<Address> at = {}) {
  Activation activation;
  for (std::string& function : functions)
    activation.frames.push_back({.function = std::move(function)});
  activation.on_stack = at;
  return activation;
}

std::vector<std::string> names(const std::vector<RuntimeFrame>& frames) {
  std::vector<std::string> names;
  for (const RuntimeFrame& frame : frames) names.push_back(frame.function);
  return names;
}

TEST(Fit, GoesByOrderWhenCountsAgree) {
  const RuntimeStack fitted = fit({activation({"f", "g"}), activation({"main"})}, stack_of(5),
                                  {false, true, false, true, false}, "Python");
  ASSERT_EQ(fitted.claims.size(), 2u);
  EXPECT_EQ(fitted.claims[0].frame, 1u);
  EXPECT_THAT(names(fitted.claims[0].frames), ElementsAre("f", "g"));
  EXPECT_EQ(fitted.claims[1].frame, 3u);
  EXPECT_EQ(fitted.total_frames, 3u);
  EXPECT_THAT(fitted.notes, IsEmpty());
}

TEST(Fit, ListsApartWhatDoesNotFit) {
  const RuntimeStack fitted =
      fit({activation({"f"}), activation({"main"})}, stack_of(3), {false, true, false}, "Python");
  EXPECT_THAT(fitted.claims, IsEmpty());
  EXPECT_THAT(names(fitted.apart), ElementsAre("f", "main"));
  EXPECT_THAT(fitted.notes, ElementsAre(HasSubstr("1 calls of the interpreter")));
}

TEST(Fit, AllowsForALoopThatIsNotEnteredYet) {
  Stack stack = stack_of(4);
  const std::vector<bool> loops = {true, false, true, false};
  RuntimeStack fitted = fit({activation({"main"})}, stack, loops, "Python");
  ASSERT_EQ(fitted.claims.size(), 1u);
  EXPECT_EQ(fitted.claims[0].frame, 2u);
  // Of a stack that is not whole nobody knows which end the missing one is at.
  stack.end = StackEnd::kMissingMemory;
  fitted = fit({activation({"main"})}, stack, loops, "Python");
  EXPECT_THAT(fitted.claims, IsEmpty());
}

TEST(Fit, CountsTheRoundsOfAFoldedRecursion) {
  Stack stack = stack_of(6);
  stack.cycle = Cycle{.first = 1, .period = 2, .count = 3};
  // Loops: frame 1 in each of three rounds, then frame 4.
  const std::vector<bool> loops = {false, true, false, false, true, false};
  const RuntimeStack fitted =
      fit({activation({"r"}), activation({"r"}), activation({"r", "begin"}), activation({"main"})},
          stack, loops, "Python");
  ASSERT_EQ(fitted.claims.size(), 2u);
  // The round that differs is told, with a word on those before it.
  EXPECT_THAT(names(fitted.claims[0].frames), ElementsAre("r", "", "r", "begin"));
  EXPECT_THAT(fitted.claims[0].frames[1].gap, HasSubstr("1 frames"));
  EXPECT_EQ(fitted.claims[1].frame, 4u);
  EXPECT_THAT(names(fitted.claims[1].frames), ElementsAre("main"));
  EXPECT_THAT(fitted.notes, ElementsAre(HasSubstr("1 Python frames")));
}

TEST(Fit, GoesByThePlaceOnTheStackWhenItIsKnown) {
  // The native stack lost its outer half: what is left still finds its frame.
  const RuntimeStack fitted =
      fit({activation({"f"}, Address(kSp + 0x150)), activation({"main"}, Address(kSp + 0x990))},
          stack_of(3), {false, true, false}, "Python");
  ASSERT_EQ(fitted.claims.size(), 1u);
  EXPECT_EQ(fitted.claims[0].frame, 1u);
  EXPECT_THAT(names(fitted.apart), ElementsAre("main"));
  EXPECT_THAT(fitted.notes, ElementsAre(HasSubstr("not found")));
}

TEST(Fit, InnerFramesThatAreNotFoundMakeTheOuterOnesDoubtful) {
  const std::vector<bool> loops = {true, true, true};
  const Address nowhere(kSp + 0x900), inner(kSp + 0x10), outer(kSp + 0x210);
  for (const auto& [first, second] : {std::pair(nowhere, outer), std::pair(outer, inner)}) {
    const RuntimeStack fitted =
        fit({activation({"f"}, first), activation({"main"}, second)}, stack_of(3), loops, "Python");
    EXPECT_THAT(fitted.claims, IsEmpty());
    EXPECT_THAT(names(fitted.apart), ElementsAre("f", "main"));
  }
}

TEST(Fit, APlaceInAnotherFunctionIsNotBelieved) {
  const RuntimeStack fitted =
      fit({activation({"f"}, Address(kSp + 0x50))}, stack_of(3), {false, true, false}, "Python");
  EXPECT_THAT(fitted.claims, IsEmpty());
  EXPECT_THAT(names(fitted.apart), ElementsAre("f"));
}

TEST(Fit, APlaceBetweenFramesThatAreKeptIsInAFoldedRound) {
  Stack stack = stack_of(2);
  stack.cycle = Cycle{.first = 0, .period = 1, .count = 9};
  stack.frames[1].registers.set_sp(Address(kSp + 0x900));
  stack.frames[1].cfa = Address(kSp + 0xa00);
  const RuntimeStack fitted =
      fit({activation({"f"}, Address(kSp + 0x50)), activation({"f"}, Address(kSp + 0x450)),
           activation({"main"}, Address(kSp + 0x950))},
          stack, {true, true}, "Python");
  ASSERT_EQ(fitted.claims.size(), 2u);
  EXPECT_THAT(names(fitted.claims[1].frames), ElementsAre("main"));
  EXPECT_THAT(fitted.apart, IsEmpty());
  EXPECT_THAT(fitted.notes, ElementsAre(HasSubstr("1 Python frames")));
  // One frame of the last round may be kept without its place, where tail calls lie between rounds.
  stack.frames.insert(stack.frames.begin() + 1, Frame());
  EXPECT_THAT(fit({activation({"f"}, Address(kSp + 0x50)), activation({"f"}, Address(kSp + 0x450)),
                   activation({"main"}, Address(kSp + 0x950))},
                  stack, {true, true, true}, "Python")
                  .apart,
              IsEmpty());
  stack.frames.erase(stack.frames.begin() + 1);
  // In a stack without folded rounds it is nowhere.
  stack.cycle.reset();
  EXPECT_THAT(
      names(fit({activation({"f"}, Address(kSp + 0x450))}, stack, {true, true}, "Python").apart),
      ElementsAre("f"));
}

}  // namespace
}  // namespace inquest::process
