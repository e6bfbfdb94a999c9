#include "diagnosis/report/handover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "diagnosis/report/handover_parts.h"

namespace inquest::diagnosis {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A crash whose every text that is data has the word "hush" in it.
Report private_crash() {
  Report report{.facts = {}, .verdict = {}, .signature = {}, .tool_version = "1"};
  Facts& facts = report.facts;
  facts.process.executable = "/home/hush-ann/venv/bin/python3.11";
  facts.process.command = "python3.11";
  facts.process.arguments = "python3.11 serve.py --token hush-argument";
  facts.process.arch = "x86_64";
  facts.runtimes.push_back({.name = "CPython 3.11.2", .language = "Python", .found_by = {}});
  facts.signal.number = 11;
  facts.signal.name = "SIGSEGV";
  facts.signal.code_name = "SEGV_MAPERR";
  facts.signal.meaning = "address not mapped";
  FaultFacts& fault = facts.fault.emplace();
  fault.instruction = "mov eax, dword ptr [rdi+0x38]";
  fault.access = AccessKind::kRead;
  fault.address_facts.emplace().address = Address(0x7573682068757368);
  fault.address_facts->traits.push_back(AddressTrait::kText);
  fault.address_facts->text = "hush-memory";
  facts.abort.kind = AbortFacts::Kind::kException;
  facts.abort.exception_type = "std::runtime_error";
  facts.abort.exception_what = "no such user: hush-user";
  facts.abort.message = "what(): no such user: hush-user";
  facts.crashing.frames.reserve(2);  // `native` stays what it is
  FrameFact& native = facts.crashing.frames.emplace_back();
  native.module = "/home/hush-ann/venv/lib/python3.11/site-packages/fast/_fast.so";
  native.build_id = "aabb";
  native.module_offset = 0x1234;
  native.functions.emplace_back().short_name = "parse";
  native.functions.back().role = CodeRole::kUser;
  native.variables.push_back(
      {.name = "token", .type = "char *", .text = "\"hush-local\"", .why_not = {}, .function = {}});
  FrameFact& loop = facts.crashing.frames.emplace_back();
  loop.index = 1;
  loop.module = "/home/hush-ann/venv/bin/python3.11";
  loop.run_time = "Python";
  loop.functions.emplace_back().short_name = "_PyEval_EvalFrameDefault";
  loop.runtime_frames.push_back({.language = "Python",
                                 .function = "Order.quote",
                                 .file = "/home/hush-ann/shop/order.py",
                                 .line = 12,
                                 .role = CodeRole::kUser});
  facts.crashing.runtime.emplace().exception = "ValueError: hush-exception";
  facts.user_runtime_frame = loop.runtime_frames[0];
  ModuleFact module;
  module.path = native.module;
  module.on_crash_path = true;
  module.build_id = "aabb";
  module.package =
      PackageFact{.manager = "python", .name = "fast", .version = "1.2", .installed = {}};
  facts.modules.push_back(module);
  facts.other.push_back({"last lines of stderr: hush-stderr", {}});
  facts.missing.push_back({"/home/hush-ann/x could not be read", {}});
  report.verdict.headline = "python3.11 died of no such user: hush-user";
  report.verdict.hypotheses.push_back({.crash_class = CrashClass::kWildPointer,
                                       .confidence = Confidence::kHigh,
                                       .sentence = "the pointer holds the text \"hush-memory\"",
                                       .expression = {},
                                       .facts_for = {"hush-fact"},
                                       .facts_against = {},
                                       .would_confirm = {},
                                       .next_command = {}});
  report.verdict.blame.sentence = "a native add-on: _fast.so of Python package fast 1.2";
  report.verdict.blame.party = Party::kNativeAddOn;
  report.verdict.next_steps = {"Open /home/hush-ann/shop/order.py:12.",
                               "Run: serve.py --token hush-argument"};
  report.verdict.limits = {"/home/hush-ann/x could not be read"};
  return report;
}

TEST(Handover, NothingPrivateGoesUpstream) {
  const std::string text = render_upstream(private_crash());
  EXPECT_THAT(text, Not(HasSubstr("hush")));
  EXPECT_THAT(text, Not(HasSubstr("/home")));
}

TEST(Handover, MaintainersGetVersionsStackAndHowToReproduce) {
  const std::string text = render_upstream(private_crash());
  EXPECT_THAT(text, HasSubstr("# CPython 3.11.2 died of SIGSEGV: wild pointer"));
  EXPECT_THAT(text, HasSubstr("- Python package fast 1.2"));
  EXPECT_THAT(text, HasSubstr("`mov eax, dword ptr [rdi+0x38]` was refused a read"));
  EXPECT_THAT(text, HasSubstr("#0   parse  _fast.so+0x1234  [Python package fast 1.2]"));
  EXPECT_THAT(text, HasSubstr("     Order.quote  order.py:12  (Python)"));
  EXPECT_THAT(text, HasSubstr("_fast.so: build-id aabb"));
  EXPECT_THAT(text, HasSubstr("`pip install fast==1.2`"));
  EXPECT_THAT(text, HasSubstr("exception of `std::runtime_error`"));
}

TEST(Handover, TicketsHaveHostAndStepsButNoData) {
  const std::string text = render_ticket(private_crash(), {.case_id = "abc123",
                                                           .time = "2026-11-29T13:03:22Z",
                                                           .host = "web-7",
                                                           .unit = "shop.service",
                                                           .container = {},
                                                           .uptime = "3 h",
                                                           .times_seen = 4,
                                                           .input = "abc123"});
  for (const char* word :
       {"hush-memory", "hush-user", "hush-argument", "hush-local", "hush-exception", "hush-stderr"})
    EXPECT_THAT(text, Not(HasSubstr(word)));
  EXPECT_THAT(text, HasSubstr("web-7"));
  EXPECT_THAT(text, HasSubstr("| kept crashes of this group | 4 |"));
  EXPECT_THAT(text, HasSubstr("inquest report abc123 --for upstream"));
  EXPECT_THAT(text, HasSubstr("~/shop/order.py:12"));
}

TEST(Handover, KnownIssuesComeWithTheirLinks) {
  Report report = private_crash();
  report.verdict.known_issues.push_back({.id = "x",
                                         .title = "a title",
                                         .party = Party::kRunTime,
                                         .link = "https://example.org/1",
                                         .more_links = {},
                                         .fixed = "2.0",
                                         .workaround = "turn it off",
                                         .because = {},
                                         .sure = false});
  for (const std::string& text : {render_upstream(report), render_ticket(report, {})}) {
    EXPECT_THAT(text, HasSubstr("perhaps: a title: <https://example.org/1>"));
    EXPECT_THAT(text, HasSubstr("until then: turn it off"));
  }
}

TEST(Handover, PathsLoseTheMachine) {
  EXPECT_EQ(shorten_path("/home/a/v/lib/python3.11/site-packages/x/y.py"), "x/y.py");
  EXPECT_EQ(shorten_path("/srv/node_modules/a/node_modules/@b/c/d.js"), "@b/c/d.js");
  EXPECT_EQ(shorten_path("/root/.cargo/registry/src/i-1/bytes-0.5.3/src/lib.rs"),
            "bytes-0.5.3/src/lib.rs");
  EXPECT_EQ(shorten_path("/rustc/82e1/library/alloc/src/vec/mod.rs"),
            "library/alloc/src/vec/mod.rs");
  EXPECT_EQ(shorten_path("/usr/lib/python3.11/ctypes/__init__.py"), "ctypes/__init__.py");
  EXPECT_EQ(shorten_path("node:internal/http2/core"), "node:internal/http2/core");
  EXPECT_EQ(shorten_path("/home/ann/shop/order.py"), "order.py");
  EXPECT_EQ(shorten_path("../home/ann/shop/order.c"), "order.c");
}

TEST(Handover, WordsOfTheCLibraryMayBeTold) {
  Report report = private_crash();
  report.facts.abort = {};
  report.facts.abort.kind = AbortFacts::Kind::kGlibcHeap;
  report.facts.abort.message = "double free or corruption (!prev)";
  EXPECT_THAT(render_upstream(report), HasSubstr("double free or corruption"));
}

}  // namespace
}  // namespace inquest::diagnosis
