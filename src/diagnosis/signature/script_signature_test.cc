#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "diagnosis/signature/signature.h"

namespace inquest::diagnosis {
namespace {

using ::testing::ElementsAre;

struct Crash {
  Facts facts;

  explicit Crash(const std::string& signal = "SIGSEGV") {
    facts.signal.number = 11;
    facts.signal.name = signal;
    facts.crashing.runtime.emplace().runtime = "CPython 3.11.2";
  }
  Crash& native(const std::string& module, const std::string& function,
                CodeRole role = CodeRole::kLibrary, const std::string& run_time = "Python") {
    FrameFact& frame = facts.crashing.frames.emplace_back();
    frame.module = module;
    frame.run_time = run_time;
    FunctionFact& fact = frame.functions.emplace_back();
    fact.name = fact.short_name = function;
    fact.role = role;
    return *this;
  }
  Crash& script(const std::string& file, const std::string& function,
                CodeRole role = CodeRole::kLibrary) {
    native("/usr/bin/python3.11", "_PyEval_EvalFrameDefault");
    facts.crashing.frames.back().runtime_frames.push_back(
        {.language = "Python", .function = function, .file = file, .role = role});
    return *this;
  }
  Crash& access(AccessKind kind, uint64_t address) {
    FaultFacts& fault = facts.fault.emplace();
    fault.access = kind;
    fault.kind = "load";
    fault.address_facts.emplace().address = Address(address);
    if (address < 65536) fault.address_facts->traits.push_back(AddressTrait::kNearNull);
    return *this;
  }
  Crash& profiler() {
    return script("/p/sentry_sdk/profiler.py", "_extract_stack")
        .script("/p/sentry_sdk/profiler.py", "_sample_stack.<locals>.<listcomp>")
        .script("/p/sentry_sdk/profiler.py", "_EventScheduler.run")
        .script("/usr/lib/python3.11/threading.py", "Thread.run");
  }
};

constexpr const char* kPython = "/usr/bin/python3.11";

// The five faces of getsentry/sentry-python#2386.
TEST(ScriptSignature, OneBugOfARunTimeIsOneGroupWhereverItShows) {
  Crash attribute, code, back, jump, bus("SIGBUS");
  attribute.native(kPython, "PyObject_GetAttr").profiler().access(AccessKind::kRead, 0x2bf);
  code.native(kPython, "frame_getcode")
      .native(kPython, "PyObject_GetAttr")
      .profiler()
      .access(AccessKind::kRead, 0x7f0000000000);
  back.native(kPython, "PyFrame_GetBack")
      .native(kPython, "frame_getback")
      .profiler()
      .access(AccessKind::kWrite, 0x10);
  jump.native("", "").native(kPython, "PyObject_GetAttr").profiler();
  jump.access(AccessKind::kExecute, 0xe5);
  jump.facts.fault->pc_is_bad = true;
  jump.facts.crashing.corrupt = true;
  bus.native(kPython, "PyObject_GetAttr").profiler().access(AccessKind::kRead, 0x7f0000000001);
  const Signature first = sign(attribute.facts);
  EXPECT_EQ(first.version, 2);
  EXPECT_EQ(first.title(),
            "segv | CPython | profiler:_extract_stack | profiler:<listcomp> | profiler:run");
  EXPECT_EQ(first.confidence, "high");
  for (const Crash* other : {&code, &back, &jump, &bus})
    EXPECT_EQ(sign(other->facts).id, first.id) << sign(other->facts).title();
}

TEST(ScriptSignature, AFunctionWhoseNameCouldNotBeReadMakesItUnsure) {
  Crash crash;
  crash.native(kPython, "PyObject_GetAttr").script("/srv/a.py", "").access(AccessKind::kRead, 1);
  EXPECT_EQ(sign(crash.facts).confidence, "high");  // anonymous
  crash.facts.crashing.frames.back().runtime_frames.front().gap = "the name: not in the record";
  EXPECT_EQ(sign(crash.facts).confidence, "low");
  EXPECT_THAT(sign(crash.facts).frames, ElementsAre("CPython", "a:?"));
}

TEST(ScriptSignature, AnotherFunctionOfTheLanguageIsAnotherGroup) {
  Crash one, other;
  one.native(kPython, "PyObject_GetAttr").script("/srv/a.py", "load").access(AccessKind::kRead, 1);
  other.native(kPython, "PyObject_GetAttr")
      .script("/srv/a.py", "save")
      .access(AccessKind::kRead, 1);
  EXPECT_NE(sign(one.facts).id, sign(other.facts).id);
}

TEST(ScriptSignature, AnAddOnIsToldByItsFunctionAndTheWholeFault) {
  Crash null, wild;
  for (Crash* crash : {&null, &wild}) {
    crash->native("/lib/libc.so.6", "strlen", CodeRole::kLibrary, "")
        .native("/v/site-packages/fast/_fast.so", "parse", CodeRole::kUser, "")
        .native(kPython, "cfunction_call")
        .script("/srv/a.py", "Order.quote", CodeRole::kUser);
  }
  null.access(AccessKind::kRead, 0);
  wild.access(AccessKind::kRead, 0x7f0000000000);
  EXPECT_EQ(sign(null.facts).title(), "segv-read-null | parse | a:quote");
  EXPECT_NE(sign(null.facts).id, sign(wild.facts).id);
}

TEST(ScriptSignature, TheFirstFrameOfTheProgramsOwnIsAlwaysInIt) {
  Crash crash;
  crash.native(kPython, "PyObject_GetAttr");
  for (const char* name : {"a", "b", "c", "d", "e"}) crash.script("/lib/python3.11/x.py", name);
  crash.script("/srv/shop.py", "main", CodeRole::kUser)
      .script("/srv/shop.py", "<module>", CodeRole::kUser);
  EXPECT_THAT(sign(crash.facts).frames, ElementsAre("CPython", "x:a", "x:b", "x:c", "shop:main"));
}

TEST(ScriptSignature, RecursionIsToldOnceAndAbortsKeepTheirKind) {
  Crash crash("SIGABRT");
  crash.facts.abort.kind = AbortFacts::Kind::kGlibcHeap;
  crash.native("/lib/libc.so.6", "abort", CodeRole::kAbort, "").native(kPython, "PyObject_Free");
  for (int i = 0; i < 5; ++i) crash.script("/srv/a.py", "down", CodeRole::kUser);
  EXPECT_EQ(sign(crash.facts).title(), "abrt-glibc-heap | CPython | a:down");
}

TEST(ScriptSignature, FramesWhoseNativeOnesWereNotFoundCountToo) {
  Crash crash;
  crash.native(kPython, "PyObject_GetAttr");
  crash.facts.crashing.runtime->apart.push_back(
      {.language = "Python", .function = "f", .file = "/srv/a.py", .role = CodeRole::kUser});
  EXPECT_EQ(sign(crash.facts).title(), "segv | CPython | a:f");
}

TEST(ScriptSignature, NativeStacksKeepTheirVersion) {
  Facts facts;
  facts.signal.name = "SIGSEGV";
  facts.crashing.frames.emplace_back().functions.emplace_back().short_name = "quote";
  EXPECT_EQ(sign(facts).version, 1);
}

}  // namespace
}  // namespace inquest::diagnosis
