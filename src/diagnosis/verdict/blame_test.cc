#include "diagnosis/verdict/blame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace inquest::diagnosis {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A crash of a run time, frame by frame, the innermost first.
struct Crash {
  Facts facts;

  Crash& module(const std::string& path, const std::string& function, CodeRole role,
                const std::string& run_time = "") {
    FrameFact& frame = facts.crashing.frames.emplace_back();
    frame.module = path;
    frame.run_time = run_time;
    FunctionFact& fact = frame.functions.emplace_back();
    fact.name = fact.short_name = function;
    fact.role = role;
    if (!path.empty()) {
      ModuleFact module;
      module.path = path;
      facts.modules.push_back(module);
    }
    return *this;
  }
  Crash& python(const std::string& function) {
    return module("/usr/bin/python3.11", function, CodeRole::kLibrary, "Python");
  }
  Crash& script(const std::string& function, const std::string& file) {
    python("_PyEval_EvalFrameDefault");
    facts.crashing.frames.back().runtime_frames.push_back(
        {.language = "Python", .function = function, .file = file, .role = CodeRole::kUser});
    return *this;
  }
  Crash& owner(const std::string& manager, const std::string& name, const std::string& version) {
    facts.modules.back().package =
        PackageFact{.manager = manager, .name = name, .version = version, .installed = {}};
    return *this;
  }
  Blame blame() {
    facts.runtimes = {{.name = "CPython 3.11.2", .language = "Python", .found_by = {}}};
    facts.process.executable = "/usr/bin/python3.11";
    return find_blame(facts, {});
  }
};

constexpr const char* kAddOn = "/v/lib/python3.11/site-packages/fast/_fast.so";

TEST(Blame, AnAddOnIsNamedWithItsPackage) {
  Crash crash;
  crash.module("/lib/x86_64-linux-gnu/libc.so.6", "strlen", CodeRole::kLibrary)
      .module(kAddOn, "parse", CodeRole::kUser)
      .owner("python", "fast", "1.2")
      .script("main", "/srv/a.py");
  const Blame blame = crash.blame();
  EXPECT_EQ(blame.party, Party::kNativeAddOn);
  EXPECT_EQ(blame.sentence, "a native add-on: _fast.so of Python package fast 1.2");
  ASSERT_TRUE(blame.package);
  EXPECT_EQ(blame.package->version, "1.2");
}

TEST(Blame, AnAddOnThatCalledTheRunTimeIsBlamedNotTheRunTime) {
  Crash crash;
  crash.python("PyObject_GetAttr")
      .module(kAddOn, "late", CodeRole::kUser)
      .owner("python", "fast", "1.2")
      .script("main", "/srv/a.py");
  const Blame blame = crash.blame();
  EXPECT_EQ(blame.party, Party::kNativeAddOn);
  EXPECT_THAT(blame.sentence,
              HasSubstr("it crashed in CPython 3.11.2, which the add-on had called"));
}

TEST(Blame, AnAddOnFurtherOutThanTheLanguagesCodeIsNot) {
  Crash crash;
  crash.python("PyObject_GetAttr")
      .script("walk", "/srv/a.py")
      .module(kAddOn, "call_back", CodeRole::kUser)
      .script("main", "/srv/a.py");
  const Blame blame = crash.blame();
  EXPECT_EQ(blame.party, Party::kRunTime);
  EXPECT_THAT(blame.sentence, StartsWith("the run time itself, CPython 3.11.2, or how walk()"));
  EXPECT_THAT(blame.sentence, HasSubstr("could have damaged memory before: _fast.so"));
}

TEST(Blame, WhatCameWithTheRunTimeIsTheRunTime) {
  Crash crash;
  crash.python("_PyErr_SetObject")
      .script("_run_once", "/usr/lib/python3.11/asyncio/base_events.py")
      .script("serve", "/srv/a.py");
  crash.facts.crashing.frames[1].runtime_frames[0].role = CodeRole::kLibrary;
  crash.facts.crashing.frames[2].runtime_frames[0].role = CodeRole::kUser;
  EXPECT_THAT(crash.blame().sentence, HasSubstr("or how serve() in a.py uses it"));
}

TEST(Blame, OfASignalThatWasSentNobodyIsKnown) {
  Crash crash;
  crash.python("PyObject_GetAttr").script("main", "/srv/a.py");
  crash.facts.signal.name = "SIGSEGV";
  EXPECT_EQ(crash.blame().party, Party::kRunTime);
  crash.facts.signal.sent_by_self = true;
  EXPECT_EQ(crash.blame().party, Party::kUnknown);
  crash.facts.fault.emplace();  // a handler that sent a real fault on
  EXPECT_EQ(crash.blame().party, Party::kRunTime);
}

TEST(Blame, ForeignCallsAreMisuse) {
  Crash crash;
  crash.module("/lib/x86_64-linux-gnu/libc.so.6", "strlen", CodeRole::kLibrary)
      .module("/usr/lib/x86_64-linux-gnu/libffi.so.8", "ffi_call", CodeRole::kLibrary)
      .module("/usr/lib/python3.11/lib-dynload/_ctypes.cpython-311-x86_64-linux-gnu.so", "call",
              CodeRole::kLibrary, "Python")
      .script("string_at", "/usr/lib/python3.11/ctypes/__init__.py");
  const Blame blame = crash.blame();
  EXPECT_EQ(blame.party, Party::kMisuse);
  EXPECT_THAT(blame.sentence, HasSubstr("ctypes"));
}

TEST(Blame, ALibraryThatAnAddOnCalled) {
  Crash crash;
  crash.module("/usr/lib/x86_64-linux-gnu/libssl.so.3", "SSL_new", CodeRole::kLibrary)
      .owner("debian", "libssl3", "3.0.11-1")
      .module(kAddOn, "open", CodeRole::kUser)
      .script("main", "/srv/a.py");
  const Blame blame = crash.blame();
  EXPECT_EQ(blame.party, Party::kNativeAddOn);
  EXPECT_THAT(blame.sentence,
              HasSubstr("it crashed in libssl.so.3 of Debian package libssl3 3.0.11-1"));
}

TEST(Blame, DamagedHeapsAreNotBlamedOnWhoeverMeetsThem) {
  Crash crash;
  crash.module("/lib/x86_64-linux-gnu/libc.so.6", "abort", CodeRole::kAbort)
      .module(kAddOn, "free_all", CodeRole::kUser)
      .script("main", "/srv/a.py");
  crash.facts.abort.kind = AbortFacts::Kind::kGlibcHeap;
  EXPECT_THAT(crash.blame().sentence, HasSubstr("the heap was damaged before"));
}

TEST(Blame, AKnownIssueThatIsSureDecides) {
  Crash crash;
  crash.python("PyFrame_GetBack").script("_extract_stack", "/p/sentry_sdk/profiler.py");
  crash.facts.crashing.frames[1].runtime_frames[0].package =
      PackageFact{.manager = "python", .name = "sentry_sdk", .version = "1.9.10", .installed = {}};
  EXPECT_EQ(crash.blame().party, Party::kRunTime);
  KnownMatch known;
  known.party = Party::kMisuse;
  known.sure = false;
  EXPECT_EQ(find_blame(crash.facts, {known}).party, Party::kRunTime);
  known.sure = true;
  const Blame blame = find_blame(crash.facts, {known});
  EXPECT_EQ(blame.party, Party::kMisuse);
  EXPECT_EQ(
      blame.sentence,
      "misuse of internals, _extract_stack() of Python package sentry_sdk 1.9.10: a known issue");
  ASSERT_TRUE(blame.package);
}

TEST(Blame, OfNativeProgramsTheirOwnCodeACrateOrALibrary) {
  Crash own;
  own.module("/srv/shop", "quote", CodeRole::kUser);
  own.facts.user_frame = 0;
  own.facts.user_function = 0;
  EXPECT_EQ(find_blame(own.facts, {}).party, Party::kProgram);
  own.facts.crashing.frames[0].functions[0].package =
      PackageFact{.manager = "cargo", .name = "bytes", .version = "0.5.3", .installed = {}};
  EXPECT_EQ(find_blame(own.facts, {}).sentence, "crate bytes 0.5.3 in shop");
  Crash library;
  library.module("/usr/lib/libz.so.1", "inflate", CodeRole::kLibrary)
      .owner("debian", "zlib1g", "1:1.2.13");
  EXPECT_EQ(find_blame(library.facts, {}).sentence,
            "a library: libz.so.1 of Debian package zlib1g 1:1.2.13");
}

TEST(Blame, NobodyIsBlamedForASignalFromOutside) {
  Crash crash;
  crash.module(kAddOn, "wait", CodeRole::kUser);
  crash.facts.signal.sent_by_other = true;
  EXPECT_EQ(crash.blame().party, Party::kUnknown);
  EXPECT_EQ(crash.blame().sentence, "");
}

}  // namespace
}  // namespace inquest::diagnosis
