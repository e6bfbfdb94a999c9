#include "diagnosis/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/json/value.h"

namespace inquest::diagnosis {
namespace {

using testing::HasSubstr;
using testing::Not;

Report sample() {
  Report report;
  report.tool_version = "0.1.0";
  Facts& facts = report.facts;
  facts.process = {
      .executable = "/srv/shop", .command = "shop", .pid = 7, .arch = "x86_64", .thread_count = 3};
  facts.signal = {.number = 11,
                  .name = "SIGSEGV",
                  .code = 1,
                  .code_name = "SEGV_MAPERR",
                  .meaning = "address not mapped",
                  .address = Address(0x38)};
  facts.crashing.tid = 9;
  facts.crashing.total_frames = 2;
  facts.crashing.end = "complete";
  facts.crashing.frames.resize(2);
  FrameFact& frame = facts.crashing.frames[0];
  frame.pc = Address(0x401234);
  frame.module = "/srv/shop";
  frame.module_offset = 0x1234;
  frame.functions = {FunctionFact{.name = "quote(Order const*)",
                                  .short_name = "quote",
                                  .file = "quote.cc",
                                  .line = 41,
                                  .column = 9,
                                  .role = CodeRole::kUser,
                                  .source = {"40 | {", "41 |   return order->pricing->rate;"}}};
  facts.crashing.frames[1].index = 1;
  facts.crashing.frames[1].functions = {
      FunctionFact{.name = "main", .short_name = "main", .role = CodeRole::kUser}};
  for (int tid : {10, 11}) {
    StackFacts other;
    other.tid = tid;
    other.frames.resize(1);
    other.frames[0].functions = {
        FunctionFact{.name = "poll", .short_name = "poll", .role = CodeRole::kLibrary}};
    facts.others.push_back(other);
  }
  report.verdict.headline = "shop (pid 7) died of SIGSEGV";
  report.verdict.hypotheses = {Hypothesis{.crash_class = CrashClass::kNullMemberAccess,
                                          .confidence = Confidence::kCertain,
                                          .sentence = "`order->pricing` is null",
                                          .expression = "order->pricing"}};
  report.verdict.place = BlamedPlace{
      .function = "quote", .file = "quote.cc", .line = 41, .column = 9, .module = "/srv/shop"};
  report.verdict.next_steps = {"Open quote.cc:41 (quote)."};
  return report;
}

TEST(RenderText, FirstScreenAnswersInOrder) {
  const std::string text = render_text(sample(), {});
  const size_t headline = text.find("shop (pid 7) died of SIGSEGV");
  const size_t why = text.find("  why");
  const size_t where = text.find("  where");
  const size_t next = text.find("  next");
  const size_t stack = text.find("Crashing thread 9");
  EXPECT_LT(headline, why);
  EXPECT_LT(why, where);
  EXPECT_LT(where, next);
  EXPECT_LT(next, stack);
  EXPECT_NE(stack, std::string::npos);
  EXPECT_THAT(text, HasSubstr("> 41 |   return order->pricing->rate;"));
}

TEST(RenderText, EqualThreadsAreOneLine) {
  EXPECT_THAT(render_text(sample(), {}), HasSubstr("2 threads: poll"));
}

// The second frame is one of the interpreter's loop, which executes a Python function.
Report with_python() {
  Report report = sample();
  const RuntimeFrameFact inner{.language = "Python",
                               .function = "Order.quote",
                               .file = "/srv/order.py",
                               .line = 12,
                               .column = 5,
                               .role = CodeRole::kUser};
  StackFacts& stack = report.facts.crashing;
  FunctionFact& loop = stack.frames[1].functions[0];
  loop.name = loop.short_name = "_PyEval_EvalFrameDefault";
  stack.frames[1].runtime_frames = {inner};
  stack.runtime = RuntimeStackFact{.runtime = "CPython 3.11.2", .total_frames = 1};
  report.facts.user_runtime_frame = inner;
  return report;
}

TEST(RenderText, FramesOfALanguageStandInPlaceOfTheLoopThatRunsThem) {
  Report report = with_python();
  std::string text = render_text(report, {});
  EXPECT_THAT(text, HasSubstr("Order.quote"));
  EXPECT_THAT(text, HasSubstr("/srv/order.py:12:5 (Python)"));
  EXPECT_THAT(text, HasSubstr("CPython 3.11.2: 1 frame"));
  EXPECT_THAT(text, HasSubstr("from Python code: Order.quote() at /srv/order.py:12"));
  EXPECT_THAT(text, Not(HasSubstr("_PyEval_EvalFrameDefault")));
  report.full = true;
  EXPECT_THAT(render_text(report, {}), HasSubstr("_PyEval_EvalFrameDefault"));
  // Where the loop itself crashed it is shown.
  report.full = false;
  report.facts.crash_frame = 1;
  EXPECT_THAT(render_text(report, {}), HasSubstr("_PyEval_EvalFrameDefault"));
}

TEST(RenderText, FramesThatDoNotFitTheNativeStackAreASectionOfTheirOwn) {
  Report report = with_python();
  StackFacts& stack = report.facts.crashing;
  stack.runtime->apart = std::move(stack.frames[1].runtime_frames);
  stack.runtime->notes = {"the two are listed apart"};
  const std::string text = render_text(report, {});
  EXPECT_THAT(text, HasSubstr("the two are listed apart"));
  EXPECT_THAT(text, HasSubstr("Thread 9 in CPython 3.11.2"));
  EXPECT_THAT(render_markdown(report), HasSubstr("## Thread 9 in CPython 3.11.2"));
}

TEST(RenderText, NamesOfALanguageCannotDriveTheTerminal) {
  Report report = with_python();
  RuntimeFrameFact& inner = report.facts.crashing.frames[1].runtime_frames[0];
  inner.function = "evil\x1b]0;owned\x07";
  inner.gap = "is of type \x1b[2J";
  report.facts.user_runtime_frame = inner;
  EXPECT_THAT(render_text(report, {}), Not(HasSubstr("\x1b")));
  inner.function = "<script>";
  EXPECT_THAT(render_html(report), Not(HasSubstr("<script")));
}

TEST(RenderText, CoroutinesAreFollowedByThoseThatAwaitThem) {
  Report report = sample();
  AwaitFact& awaited = report.facts.crashing.frames[0].awaited.emplace();
  awaited.coroutine = "quote(Order*)";
  for (int i = 0; i < 6; ++i)
    awaited.awaiters.push_back({.language = "C++",
                                .function = "serve" + std::to_string(i) + "()",
                                .file = "/srv/serve.cc",
                                .line = 7});
  awaited.awaiters[1].gap = "it has finished";
  awaited.end = "nothing awaits serve5()";
  const std::string text = render_text(report, {});
  EXPECT_THAT(text, HasSubstr("awaited  by serve0() at /srv/serve.cc:7"));
  EXPECT_THAT(text, HasSubstr("by serve1() at /srv/serve.cc:7 (it has finished)"));
  EXPECT_THAT(text, HasSubstr("and 2 more, below"));
  EXPECT_THAT(text, HasSubstr("awaited by serve5()"));
  EXPECT_THAT(text, HasSubstr("nothing awaits serve5()"));
  awaited.awaiters.clear();
  EXPECT_THAT(render_text(report, {}), HasSubstr("awaited  nothing awaits serve5()"));
}

TEST(RenderText, ColourOnlyWhenAsked) {
  EXPECT_THAT(render_text(sample(), {}), Not(HasSubstr("\x1b[")));
  EXPECT_THAT(render_text(sample(), {.color = true, .width = 100}), HasSubstr("\x1b["));
}

TEST(RenderText, NamesFromTheCrashCannotDriveTheTerminal) {
  Report report = sample();
  report.facts.crashing.frames[0].functions[0].short_name = "evil\x1b]0;owned\x07";
  report.verdict.hypotheses[0].sentence = "text \x1b[2J";
  EXPECT_THAT(render_text(report, {}), Not(HasSubstr("\x1b")));
}

TEST(RenderHtml, NamesFromTheCrashAreNotMarkup) {
  Report report = sample();
  report.facts.crashing.frames[0].functions[0].short_name = "<script>alert(1)</script>";
  const std::string html = render_html(report);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;"));
}

TEST(RenderMarkdown, FencesOutlastBackticksInNames) {
  Report report = sample();
  report.facts.crashing.frames[0].functions[0].short_name = "```\n# owned";
  const std::string text = render_markdown(report);
  EXPECT_THAT(text, HasSubstr("````\n"));
}

TEST(RenderJson, CarriesVerdictAndFacts) {
  const auto parsed = json::parse_json(render_json(sample()));
  ASSERT_TRUE(parsed.ok());
  const json::JsonValue* classes = parsed->at({"verdict", "hypotheses"});
  ASSERT_NE(classes, nullptr);
  EXPECT_EQ(*classes->array()->front().find("class")->string(), "null-member-access");
  EXPECT_EQ(*parsed->at({"verdict", "place", "line"})->integer(), 41);
  EXPECT_NE(parsed->at({"facts", "process"}), nullptr);
}

}  // namespace
}  // namespace inquest::diagnosis
