#include "process/symbols/coroutine_code.h"

#include <gtest/gtest.h>

namespace inquest::process {
namespace {

void expect(std::string_view symbol, CoroutinePart part, std::string_view function) {
  const auto found = coroutine_symbol(symbol);
  ASSERT_TRUE(found) << symbol;
  EXPECT_EQ(found->part, part) << symbol;
  EXPECT_EQ(found->function, function) << symbol;
}

TEST(CoroutineSymbol, OfGccNamesTheFunctionThatItsFrameIsNamedAfter) {
  expect("_Z11read_headerPZ11read_headerR4ConniE28_Z11read_headerR4Conni.Frame.actor",
         CoroutinePart::kResume, "_Z11read_headerR4Conni");
  expect("_Z7sessionPZ7sessionR4ConnE22_Z7sessionR4Conn.Frame.destroy", CoroutinePart::kDestroy,
         "_Z7sessionR4Conn");
  expect("_ZZ4mainENKUlvE_clEvPZZ4mainENKUlvE_clEvE26_ZZ4mainENKUlvE_clEv.Frame.actor",
         CoroutinePart::kResume, "_ZZ4mainENKUlvE_clEv");
  expect("_Z1fPZ1fvE11_Z1fv.Frame.actor.lto_priv.0", CoroutinePart::kResume, "_Z1fv");
}

TEST(CoroutineSymbol, OfClangBeginsWithTheFunction) {
  expect("_Z7sessionR4Conn.resume", CoroutinePart::kResume, "_Z7sessionR4Conn");
  expect("_Z7sessionR4Conn.destroy", CoroutinePart::kDestroy, "_Z7sessionR4Conn");
  expect("_Z7sessionR4Conn.cleanup", CoroutinePart::kDestroy, "_Z7sessionR4Conn");
  expect("_Z7sessionR4Conn.resume.llvm.123", CoroutinePart::kResume, "_Z7sessionR4Conn");
}

TEST(CoroutineSymbol, TellsWhatIsNotTheBeginning) {
  const auto cold = coroutine_symbol("_Z1fPZ1fvE11_Z1fv.Frame.actor.cold");
  ASSERT_TRUE(cold);
  EXPECT_TRUE(cold->is_cold);
  EXPECT_EQ(cold->function, "_Z1fv");
  EXPECT_EQ(cold->suffix, ".actor.cold");
  EXPECT_FALSE(coroutine_symbol("_Z1fv.resume")->is_cold);
}

TEST(CoroutineSymbol, IsNoneForOtherFunctions) {
  EXPECT_FALSE(coroutine_symbol("_Z7sessionR4Conn"));
  EXPECT_FALSE(coroutine_symbol("_Z7sessionR4Conn.cold"));
  EXPECT_FALSE(coroutine_symbol("_Z7sessionR4Conn.resumed"));
  EXPECT_FALSE(coroutine_symbol(".resume"));
  EXPECT_FALSE(coroutine_symbol(""));
}

TEST(CoroutineSymbol, KeepsANameWhoseLengthsDoNotFit) {
  expect("_Z1fPZ1fvE99_Z1fv.Frame.actor", CoroutinePart::kResume, "_Z1fPZ1fvE99_Z1fv.Frame");
}

}  // namespace
}  // namespace inquest::process
