#include "diagnosis/verdict/verdict.h"

#include <gtest/gtest.h>

namespace inquest::diagnosis {
namespace {

// A SIGSEGV at `address`, read through `bad_register` = `bad_value`.
Facts segv(uint64_t address, uint64_t bad_value, AccessKind access = AccessKind::kRead) {
  Facts facts;
  facts.process.executable = "/srv/shop";
  facts.process.command = "shop";
  facts.process.pid = 7;
  facts.signal = {.number = 11,
                  .name = "SIGSEGV",
                  .code = 1,
                  .code_name = "SEGV_MAPERR",
                  .meaning = "address not mapped",
                  .address = Address(address)};
  FaultFacts fault;
  fault.kind = "load";
  fault.instruction = "mov eax, dword ptr [rdi+0x38]";
  fault.access = access;
  fault.address = Address(address);
  OperandFacts operand;
  operand.text = "[rdi+0x38]";
  operand.access = access;
  operand.size = 4;
  operand.bad_register = "rdi";
  operand.bad_value = bad_value;
  operand.displacement = static_cast<int64_t>(address - bad_value);
  fault.operand = operand;
  AddressFacts at;
  at.address = Address(address);
  at.traits = {AddressTrait::kUnmapped};
  fault.address_facts = at;
  facts.fault = fault;
  return facts;
}

CrashClass best(const Facts& facts) { return judge(facts).hypotheses.front().crash_class; }

TEST(Judge, NullMemberNamesExpressionAndMember) {
  Facts facts = segv(0x38, 0);
  facts.fault->operand->expression = ExpressionFact{.text = "order->pricing",
                                                    .type = "Pricing*",
                                                    .base_variable = "order",
                                                    .base_kind = "argument",
                                                    .function = "quote",
                                                    .trust = "exact",
                                                    .value = 0,
                                                    .steps = {}};
  facts.fault->operand->member = MemberFact{"struct Pricing", "rate", "double", 0x38};
  const Verdict verdict = judge(facts);
  const Hypothesis& h = verdict.hypotheses.front();
  EXPECT_EQ(h.crash_class, CrashClass::kNullMemberAccess);
  EXPECT_EQ(h.confidence, Confidence::kCertain);
  EXPECT_EQ(h.expression, "order->pricing");
  EXPECT_EQ(
      h.sentence,
      "`order->pricing` is null: the 4-byte read at 0x38 is member `rate` of `struct Pricing`");
}

TEST(Judge, NullWithoutTypesSaysRegisterAndOffset) {
  const Verdict verdict = judge(segv(0x38, 0));
  EXPECT_EQ(verdict.hypotheses.front().crash_class, CrashClass::kNullMemberAccess);
  EXPECT_NE(verdict.hypotheses.front().sentence.find("the pointer in rdi is null"),
            std::string::npos);
  EXPECT_NE(verdict.hypotheses.front().sentence.find("56 bytes into"), std::string::npos);
  EXPECT_EQ(best(segv(0, 0)), CrashClass::kNullDereference);
}

TEST(Judge, ConstantIsNoExpression) {
  Facts facts = segv(0, 0);
  facts.fault->operand->expression = ExpressionFact{.text = "0", .trust = "traced"};
  const Verdict verdict = judge(facts);
  EXPECT_EQ(verdict.hypotheses.front().expression, "");
  EXPECT_EQ(verdict.hypotheses.front().sentence.find("`0`"), std::string::npos);
}

TEST(Judge, UnmappedPointerIsWildAndSaysTheAlternatives) {
  const Verdict verdict = judge(segv(0x7777'0000'1238, 0x7777'0000'1200));
  EXPECT_EQ(verdict.hypotheses.front().crash_class, CrashClass::kWildPointer);
  EXPECT_NE(verdict.hypotheses.front().confidence, Confidence::kCertain);
  EXPECT_GE(verdict.hypotheses.size(), 3u);
}

TEST(Judge, MangledFreeListLinkIsUseAfterFree) {
  Facts facts = segv(0x55935986e, 0x55935986e);
  facts.fault->address_facts->traits.push_back(AddressTrait::kFreedTcacheLink);
  EXPECT_EQ(best(facts), CrashClass::kUseAfterFree);
}

TEST(Judge, WriteToReadOnlyMapping) {
  Facts facts = segv(0x402000, 0x402000, AccessKind::kWrite);
  facts.fault->address_facts->traits = {AddressTrait::kReadOnlyMapping};
  EXPECT_EQ(best(facts), CrashClass::kWriteToReadOnly);
  facts.fault->access = AccessKind::kRead;
  EXPECT_NE(best(facts), CrashClass::kWriteToReadOnly) << "a read does not fail there";
}

TEST(Judge, NullCallNamesWhatWasCalledThrough) {
  Facts facts = segv(0, 0, AccessKind::kExecute);
  facts.fault->kind = "call";
  facts.fault->pc_is_bad = true;
  facts.fault->pc_facts = AddressFacts{.address = Address(0), .traits = {AddressTrait::kNull}};
  facts.fault->call_target_expression = "device->ops->open";
  const Verdict verdict = judge(facts);
  EXPECT_EQ(verdict.hypotheses.front().crash_class, CrashClass::kNullFunctionCall);
  EXPECT_EQ(verdict.hypotheses.front().expression, "device->ops->open");
}

TEST(Judge, NullCallTellsOfACoroutineThatHadFinished) {
  Facts facts = segv(0, 0, AccessKind::kExecute);
  facts.fault->kind = "call";
  facts.fault->pc_is_bad = true;
  facts.fault->pc_facts = AddressFacts{.address = Address(0), .traits = {AddressTrait::kNull}};
  facts.fault->finished_coroutine =
      Fact{"fetch(int) had finished when it was resumed",
           {{Evidence::Kind::kRegister, "rdi = 0x5000, the frame of fetch(int)", {}, {}}}};
  const Hypothesis best = judge(facts).hypotheses.front();
  EXPECT_EQ(best.crash_class, CrashClass::kNullFunctionCall);
  EXPECT_NE(best.sentence.find("fetch(int) had finished when it was resumed"), std::string::npos);
  EXPECT_EQ(best.facts_for.back(), "rdi = 0x5000, the frame of fetch(int)");
}

TEST(Judge, ReturnToGarbageIsStackBufferOverflow) {
  Facts facts = segv(0x4141414141414141, 0x4141414141414141, AccessKind::kExecute);
  facts.fault->kind = "return";
  EXPECT_EQ(best(facts), CrashClass::kStackBufferOverflow);
}

TEST(Judge, RecursionShowsItsCycle) {
  Facts facts = segv(0x7ffc00000ff8, 0x7ffc00001000, AccessKind::kWrite);
  facts.fault->stack_pointer_in_guard = true;
  facts.crashing.total_frames = 36804;
  facts.crashing.cycle =
      CycleFact{.first = 1, .period = 2, .count = 18402, .functions = {"parse_expr", "parse_term"}};
  const Verdict verdict = judge(facts);
  EXPECT_EQ(verdict.hypotheses.front().crash_class, CrashClass::kStackOverflowRecursion);
  EXPECT_NE(verdict.hypotheses.front().sentence.find("`parse_expr → parse_term` × 18402"),
            std::string::npos);
  EXPECT_EQ(verdict.hypotheses.size(), 1u) << "nothing else is left open";
}

TEST(Judge, ShallowStackInItsGuardIsALargeFrame) {
  Facts facts = segv(0x7ffc00000ff8, 0x7ffc00001000, AccessKind::kWrite);
  facts.fault->stack_pointer_in_guard = true;
  facts.crashing.total_frames = 5;
  facts.fault->frame_size = 9 << 20;
  EXPECT_EQ(best(facts), CrashClass::kStackOverflowLargeFrame);
}

TEST(Judge, ASignalThatTheProcessSentItselfIsNoFault) {
  Facts facts;
  facts.signal = {.number = 11, .name = "SIGSEGV"};
  facts.signal.sent_by_self = true;
  EXPECT_EQ(best(facts), CrashClass::kDeliberateTrap);
  // Sent on by a handler: what the fault was before is what counts.
  facts.fault.emplace();
  EXPECT_NE(best(facts), CrashClass::kDeliberateTrap);
}

struct MessageCase {
  AbortFacts::Kind kind;
  const char* message;
  CrashClass expected;
};

class AbortMessage : public testing::TestWithParam<MessageCase> {};

TEST_P(AbortMessage, GivesItsClass) {
  Facts facts;
  facts.signal = {.number = 6, .name = "SIGABRT"};
  facts.signal.sent_by_self = true;
  facts.abort.kind = GetParam().kind;
  facts.abort.message = GetParam().message;
  EXPECT_EQ(best(facts), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Glibc, AbortMessage,
    testing::Values(
        MessageCase{AbortFacts::Kind::kGlibcHeap, "free(): double free detected in tcache 2",
                    CrashClass::kDoubleFree},
        MessageCase{AbortFacts::Kind::kGlibcHeap, "double free or corruption (!prev)",
                    CrashClass::kDoubleFree},
        MessageCase{AbortFacts::Kind::kGlibcHeap, "free(): invalid pointer",
                    CrashClass::kInvalidFree},
        MessageCase{AbortFacts::Kind::kGlibcHeap, "munmap_chunk(): invalid pointer",
                    CrashClass::kInvalidFree},
        MessageCase{AbortFacts::Kind::kGlibcHeap, "malloc(): corrupted top size",
                    CrashClass::kHeapCorruption},
        MessageCase{AbortFacts::Kind::kGlibcHeap, "corrupted size vs. prev_size",
                    CrashClass::kHeapCorruption},
        MessageCase{AbortFacts::Kind::kStackSmashing, "*** stack smashing detected ***",
                    CrashClass::kStackBufferOverflow},
        MessageCase{AbortFacts::Kind::kFortify, "*** buffer overflow detected ***",
                    CrashClass::kBufferOverflowFortify},
        MessageCase{AbortFacts::Kind::kAssertion, "a.c:3: f: Assertion `x' failed.",
                    CrashClass::kAssertion},
        MessageCase{AbortFacts::Kind::kPanic, "index out of bounds", CrashClass::kPanic},
        MessageCase{AbortFacts::Kind::kAbortCall, "", CrashClass::kAbort}));

TEST(Judge, BadAllocIsAnExceptionAndLackOfMemory) {
  Facts facts;
  facts.signal = {.number = 6, .name = "SIGABRT"};
  facts.abort.kind = AbortFacts::Kind::kException;
  facts.abort.exception_type = "std::bad_alloc";
  const Verdict verdict = judge(facts);
  ASSERT_EQ(verdict.hypotheses.size(), 2u);
  EXPECT_EQ(verdict.hypotheses[0].crash_class, CrashClass::kOutOfMemoryAbort);
  EXPECT_EQ(verdict.hypotheses[1].crash_class, CrashClass::kUncaughtException);
}

TEST(Judge, DivisorTellsZeroFromOverflow) {
  Facts facts;
  facts.signal = {.number = 8, .name = "SIGFPE", .code = 1, .code_name = "FPE_INTDIV"};
  facts.fault = FaultFacts{};
  facts.fault->kind = "divide";
  facts.fault->divisor = 0;
  EXPECT_EQ(best(facts), CrashClass::kIntegerDivisionByZero);
  facts.fault->divisor = static_cast<uint64_t>(-1);
  EXPECT_EQ(best(facts), CrashClass::kIntegerOverflowTrap);
}

TEST(Judge, SignalFromAnotherProcessIsNotBlamedOnTheCode) {
  Facts facts = segv(0x38, 0);
  facts.signal.sent_by_other = true;
  facts.signal.sender_pid = 4711;
  const Verdict verdict = judge(facts);
  EXPECT_EQ(verdict.hypotheses.front().crash_class, CrashClass::kKilledExternally);
  EXPECT_NE(verdict.hypotheses.front().sentence.find("4711"), std::string::npos);
  EXPECT_EQ(verdict.hypotheses.size(), 1u);
}

TEST(Judge, NothingKnownIsUnknownWithWhatIsMissing) {
  Facts facts;
  facts.signal = {.number = 11, .name = "SIGSEGV"};
  facts.missing.push_back({"the core is truncated", {}});
  facts.advice.emplace_back("raise the limit");
  const Verdict verdict = judge(facts);
  EXPECT_EQ(verdict.hypotheses.front().crash_class, CrashClass::kUnknown);
  EXPECT_EQ(verdict.hypotheses.front().would_confirm, "raise the limit");
  EXPECT_EQ(verdict.limits.front(), "the core is truncated");
}

TEST(Judge, LiveDumpIsNoCrash) { EXPECT_EQ(best(Facts{}), CrashClass::kNoCrash); }

TEST(Judge, PlaceIsTheUserFrameNotTheLibraryOne) {
  Facts facts = segv(0, 0);
  facts.crashing.frames.resize(2);
  facts.crashing.frames[0].functions = {FunctionFact{
      .name = "__strlen_avx2", .short_name = "__strlen_avx2", .role = CodeRole::kLibrary}};
  facts.crashing.frames[1].functions = {FunctionFact{.name = "greet(User*)",
                                                     .short_name = "greet",
                                                     .file = "greet.cc",
                                                     .line = 12,
                                                     .role = CodeRole::kUser}};
  facts.user_frame = 1;
  facts.user_function = 0;
  const Verdict verdict = judge(facts);
  ASSERT_TRUE(verdict.place);
  EXPECT_EQ(verdict.place->function, "greet");
  EXPECT_EQ(verdict.headline,
            "shop (pid 7) died of SIGSEGV: null pointer dereference in greet() at greet.cc:12");
}

TEST(Judge, TheFirstStepLeadsToTheProgramsOwnPython) {
  Facts facts = segv(0, 0);
  facts.crashing.frames.resize(2);
  facts.crashing.frames[0].module = "/lib/x86_64-linux-gnu/libc.so.6";
  facts.crashing.frames[0].functions = {
      FunctionFact{.name = "strlen", .short_name = "strlen", .role = CodeRole::kLibrary}};
  facts.crashing.frames[1].module = "/usr/bin/python3.11";
  facts.crashing.frames[1].functions = {FunctionFact{
      .name = "PyObject_GetAttr", .short_name = "PyObject_GetAttr", .role = CodeRole::kLibrary}};
  facts.run_time_frame = 1;
  facts.run_time_function = 0;
  facts.user_runtime_frame = RuntimeFrameFact{
      .language = "Python", .function = "Order.quote", .file = "/srv/order.py", .line = 12};
  Verdict verdict = judge(facts);
  ASSERT_TRUE(verdict.place);
  EXPECT_EQ(verdict.place->function, "PyObject_GetAttr");
  EXPECT_EQ(verdict.next_steps.front(),
            "Open /srv/order.py:12 (Order.quote): the Python code that led there.");
  // A native module of the program's own comes before it.
  facts.crashing.frames[1].module = "/srv/fast.so";
  facts.crashing.frames[1].functions[0].role = CodeRole::kUser;
  facts.user_frame = 1;
  facts.user_function = 0;
  verdict = judge(facts);
  EXPECT_EQ(verdict.next_steps.front(), "Look at PyObject_GetAttr() in /srv/fast.so.");
  EXPECT_EQ(verdict.next_steps[1],
            "Look at /srv/order.py:12 (Order.quote): the Python code that led there.");
}

TEST(Verdict, SuggestedCommandsRepeatTheOptionsThatNamedFiles) {
  Facts facts = segv(0x38, 0);
  facts.process.source = "core";
  facts.process.given = {"--exe", "my shop"};
  const Verdict verdict = judge(facts);
  EXPECT_EQ(verdict.hypotheses.front().next_command, "inquest explain core --exe 'my shop' --full");
}

}  // namespace
}  // namespace inquest::diagnosis
