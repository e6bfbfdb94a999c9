#include "diagnosis/signature/signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace inquest::diagnosis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

FrameFact frame(std::string name, CodeRole role = CodeRole::kUser,
                std::string module = "/srv/shop") {
  FrameFact frame;
  frame.module = std::move(module);
  frame.build_id = "c0ffee";
  frame.module_offset = 0x1234;
  frame.found_by = "cfi";
  FunctionFact function;
  function.name = function.short_name = std::move(name);
  function.role = role;
  frame.functions.push_back(std::move(function));
  return frame;
}

Facts segv(std::vector<FrameFact> frames) {
  Facts facts;
  facts.signal = {.number = 11, .name = "SIGSEGV", .address = Address(8)};
  facts.fault.emplace();
  facts.fault->kind = "load";
  facts.fault->access = AccessKind::kRead;
  facts.fault->address_facts.emplace();
  facts.fault->address_facts->traits = {AddressTrait::kNearNull};
  for (size_t i = 0; i < frames.size(); ++i) frames[i].index = i;
  facts.crashing.frames = std::move(frames);
  return facts;
}

TEST(GroupingName, LeavesOutWhatARebuildChanges) {
  EXPECT_EQ(grouping_name("quote(Order const&)"), "quote");
  EXPECT_EQ(grouping_name("quote.constprop.0.isra.0"), "quote");
  EXPECT_EQ(grouping_name("quote(int) [clone .cold]"), "quote");
  EXPECT_EQ(grouping_name("quote.llvm.8123"), "quote");
  EXPECT_EQ(grouping_name("shop::Table<int, std::less<int> >::find<char>(char) const"),
            "shop::Table::find");
  EXPECT_EQ(grouping_name("name[abi:cxx11](int)"), "name");
  EXPECT_EQ(grouping_name("std::__cxx11::basic_string<char>::at"), "std::basic_string::at");
  EXPECT_EQ(grouping_name("_ZN4shop5quoteERKNS_5OrderE"), "shop::quote");
}

TEST(GroupingName, KeepsOperatorsAndNamespacesWithoutNames) {
  EXPECT_EQ(grouping_name("Money::operator<<"), "Money::operator<<");
  EXPECT_EQ(grouping_name("Money::operator()"), "Money::operator()");
  EXPECT_EQ(grouping_name("Money::operator[]"), "Money::operator[]");
  EXPECT_EQ(grouping_name("Money::operator->"), "Money::operator->");
  EXPECT_EQ(grouping_name("(anonymous namespace)::quote"), "(anonymous namespace)::quote");
  EXPECT_EQ(grouping_name("main.(*Cart).owner"), "main.(*Cart).owner");
}

TEST(GroupingName, LambdasAndClosuresHaveNoNumbers) {
  EXPECT_EQ(grouping_name("run()::{lambda(int)#2}::operator()"), "run()::{lambda}::operator()");
  EXPECT_EQ(grouping_name("run()::{lambda(int)#3}::operator()"), "run()::{lambda}::operator()");
  EXPECT_EQ(grouping_name("run()::$_4::operator()"), "run()::{lambda}::operator()");
  EXPECT_EQ(grouping_name("app::main::{closure#1}"), "app::main::{closure}");
  EXPECT_EQ(grouping_name("app::main::{{closure}}"), "app::main::{closure}");
}

TEST(GroupingName, RustNamesLoseHashesAndArguments) {
  EXPECT_EQ(grouping_name("app::serve::h0123456789abcdef"), "app::serve");
  EXPECT_EQ(grouping_name("app::Pool<T>::take::<u8>"), "app::Pool::take");
  EXPECT_EQ(grouping_name("<app::Pool<T> as core::ops::Drop>::drop"),
            "<app::Pool as core::ops::Drop>::drop");
}

TEST(Signature, TellsFaultAndTheProgramsOwnFunctions) {
  const Signature signature =
      sign(segv({frame("strlen", CodeRole::kLibrary, "/lib/libc.so.6"), frame("shop::quote"),
                 frame("std::invoke", CodeRole::kLanguage), frame("shop::work"), frame("main"),
                 frame("__libc_start_main", CodeRole::kStart)}));
  EXPECT_EQ(signature.fault, "segv-read-null");
  EXPECT_THAT(signature.frames, ElementsAre("shop::quote", "shop::work", "main"));
  EXPECT_EQ(signature.confidence, "high");
  EXPECT_EQ(signature.id.size(), 16u);
  EXPECT_EQ(signature.title(), "segv-read-null | shop::quote | shop::work | main");
  ASSERT_EQ(signature.steps.size(), 6u);
  EXPECT_THAT(signature.steps[0].reason, HasSubstr("C library"));
  EXPECT_EQ(signature.steps[5].action, SignatureStep::Action::kStopped);
}

TEST(Signature, ALibraryOfTheSystemThatIsNotTheCLibraryIsKept) {
  const Signature signature =
      sign(segv({frame("xmlParse", CodeRole::kLibrary, "/usr/lib/libxml2.so.2"), frame("load")}));
  EXPECT_THAT(signature.frames, ElementsAre("xmlParse", "load"));
}

TEST(Signature, IsTheSameForARebuildAndAnotherHost) {
  Facts first = segv({frame("quote<int>(int)"), frame("serve.constprop.0")});
  Facts second = segv({frame("quote<long>(long)"), frame("serve")});
  second.crashing.frames[0].build_id = "beef";
  second.crashing.frames[0].pc = Address(77);
  second.signal.address = Address(16);
  EXPECT_EQ(sign(first).id, sign(second).id);
}

TEST(Signature, DiffersByFaultAndByFunction) {
  Facts read = segv({frame("quote")});
  Facts write = segv({frame("quote")});
  write.fault->access = AccessKind::kWrite;
  EXPECT_NE(sign(read).id, sign(write).id);
  EXPECT_NE(sign(read).id, sign(segv({frame("serve")})).id);
}

TEST(Signature, RecursionIsToldOnceWhateverItsDepth) {
  Facts shallow = segv({frame("expr"), frame("term"), frame("expr"), frame("term"), frame("main")});
  Facts deep = segv({frame("expr"), frame("term"), frame("expr"), frame("term"), frame("expr"),
                     frame("term"), frame("main")});
  EXPECT_THAT(sign(shallow).frames, ElementsAre("expr", "term", "main"));
  EXPECT_EQ(sign(shallow).id, sign(deep).id);
}

TEST(Signature, InlinedFunctionsCountAsFunctions) {
  FrameFact both = frame("inner");
  both.functions[0].is_inlined = true;
  both.functions.push_back(frame("outer").functions[0]);
  EXPECT_THAT(sign(segv({both})).frames, ElementsAre("inner", "outer"));
}

TEST(Signature, AFunctionWithoutANameIsToldByBuildIdAndOffsetAndTrustedLess) {
  const Signature signature = sign(segv({frame(""), frame("main")}));
  EXPECT_THAT(signature.frames, ElementsAre("c0ffee+0x1234", "main"));
  EXPECT_EQ(signature.confidence, "medium");
  EXPECT_THAT(signature.why_not_high, HasSubstr("another build"));
}

TEST(Signature, TheProgramsOwnCrashHandlerIsNoPartOfTheBug) {
  const Facts without = segv({frame("quote"), frame("main")});
  Facts with = segv({frame("trap"), frame("print_report"), frame("__restore_rt", CodeRole::kSignal),
                     frame("quote"), frame("main")});
  with.crashing.frames[2].is_signal_handler_return = true;
  with.crash_frame = 3;
  EXPECT_NE(sign(with).id, sign(without).id);  // a handler for something else: SIGALRM
  with.own_handler = true;
  EXPECT_EQ(sign(with).id, sign(without).id);
}

TEST(Signature, StopsWhereTheStackWasOnlyScanned) {
  Facts facts = segv({frame("quote"), frame("old")});
  facts.crashing.frames[1].found_by = "scan";
  EXPECT_THAT(sign(facts).frames, ElementsAre("quote"));
}

TEST(Signature, WithoutAnyFrameOnlyTheFaultIsToldAndItSaysSo) {
  const Signature signature = sign(segv({}));
  EXPECT_THAT(signature.frames, IsEmpty());
  EXPECT_EQ(signature.confidence, "low");
}

TEST(FaultKind, IsTheSameForACoreAndForASanitizersReport) {
  Facts report;
  report.reported.emplace();
  report.reported->error = "SEGV";
  report.reported->access = AccessKind::kRead;
  report.reported->address = Address(8);
  report.signal = {.number = 11, .name = "SIGSEGV"};
  EXPECT_EQ(fault_kind(report), fault_kind(segv({})));
  report.reported->error = "panic: runtime error: nil pointer";
  EXPECT_EQ(fault_kind(report), fault_kind(segv({})));
  report.signal = {};
  report.reported->error = "heap-use-after-free";
  EXPECT_EQ(fault_kind(report), "heap-use-after-free");
}

TEST(FaultKind, TellsWhyAProcessEndedItself) {
  Facts facts;
  facts.signal = {.number = 6, .name = "SIGABRT"};
  facts.abort.kind = AbortFacts::Kind::kException;
  facts.abort.exception_type = "std::vector<int>";
  EXPECT_EQ(fault_kind(facts), "abrt-exception-std::vector");
}

TEST(Signature, WhatASanitizerNoticedDoesNotGroupByTheSanitizersOwnFunctions) {
  const Facts facts =
      segv({frame("__hwasan_load4", CodeRole::kLibrary), frame("total_of"), frame("main")});
  EXPECT_THAT(sign(facts).frames, ElementsAre("total_of", "main"));
}

}  // namespace
}  // namespace inquest::diagnosis
