#include "process/symbols/tail_calls.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "process/symbols/crashed_program.h"

namespace inquest::process {
namespace {

// The innermost functions of a crashed program up to main, with "~" before those put back.
struct Names {
  std::vector<std::string> names;
  Stack stack;
  std::string why;
};

Names names_of(const std::string& source, const BuildSpec& build) {
  Names out;
  const auto program = CrashedProgram::run(source, build, &out.why);
  if (program == nullptr) return out;
  Unwinder unwinder(program->image(), program->modules());
  Symbolizer symbols(program->modules(), {});
  TailCalls tails(program->image(), program->modules(), unwinder, symbols);
  out.stack = unwinder.walk(program->image().threads[0]);
  tails.restore(out.stack);
  for (const Frame& frame : out.stack.frames) {
    const std::string name = symbols.annotate(frame.lookup_pc()).functions.back().short_name;
    out.names.push_back((frame.how == FoundBy::kTailCall ? "~" : "") + name);
    if (name == "main") break;
  }
  return out;
}

using List = std::vector<std::string>;

constexpr const char* kChain = R"(
struct queue { int used; int* slots; };
__attribute__((noinline)) static int take(struct queue* q, int at) { return q->slots[at] + 1; }
__attribute__((noinline)) static int pick(struct queue* q, int at) { return take(q, at + q->used); }
__attribute__((noinline)) static int serve(struct queue* q, int at) { return pick(q, at * 2); }
int main(int argc, char** argv) { struct queue q = {argc, 0}; return serve(&q, argc) + 1; }
)";

TEST(TailCalls, PutsBackEveryFunctionOfAChain) {
  if (!has_compiler("gcc-12")) GTEST_SKIP() << "no gcc-12";
  const Names got = names_of(kChain, {"gcc-12", "-O2 -g", ".c"});
  EXPECT_EQ(got.names, (List{"take", "~pick", "~serve", "main"})) << got.why;
  EXPECT_EQ(got.stack.frames[1].trust, Trust::kHigh);
  EXPECT_TRUE(got.stack.frames[1].is_exact());
}

TEST(TailCalls, AreFoundInWhatClangMade) {
  if (!has_compiler("clang-19")) GTEST_SKIP() << "no clang-19";
  const Names got = names_of(kChain, {"clang-19", "-O2 -g", ".c"});
  EXPECT_EQ(got.names, (List{"take", "~pick", "~serve", "main"})) << got.why;
}

TEST(TailCalls, NeedNoDebugInformation) {
  if (!has_compiler("gcc-12")) GTEST_SKIP() << "no gcc-12";
  const Names got = names_of(kChain, {"gcc-12", "-O2", ".c"});
  EXPECT_EQ(got.names, (List{"take", "~pick", "~serve", "main"})) << got.why;
}

// Without any name, a jump may lead to a further part of the same function.
TEST(TailCalls, AreNotGuessedBetweenFunctionsWithoutNames) {
  if (!has_compiler("gcc-12")) GTEST_SKIP() << "no gcc-12";
  const Names got = names_of(kChain, {"gcc-12", "-O2 -s", ".c"});
  const auto is_tail = [](const Frame& frame) { return frame.how == FoundBy::kTailCall; };
  EXPECT_TRUE(std::ranges::none_of(got.stack.frames, is_tail)) << got.why;
}

TEST(TailCalls, IntoALibraryNeedNoNames) {
  if (!has_compiler("gcc-12")) GTEST_SKIP() << "no gcc-12";
  const Names got = names_of(R"(
#include <string.h>
__attribute__((noinline)) static unsigned long size_of(const char** names, int at) { return strlen(names[at]); }
static const char* names[2] = {"a", (const char*)8};
int main(int argc, char** argv) { return (int)size_of(names, argc) + 1; }
)",
                             {"gcc-12", "-O2 -s", ".c"});
  ASSERT_GE(got.stack.frames.size(), 3u) << got.why;
  EXPECT_EQ(got.stack.frames[1].how, FoundBy::kTailCall);
}

TEST(TailCalls, ThroughANullPointerBlameTheFunctionThatJumped) {
  if (!has_compiler("gcc-12")) GTEST_SKIP() << "no gcc-12";
  const Names got = names_of(R"(
struct hooks { int (*on_open)(int); };
static struct hooks hooks;
__attribute__((noinline)) int run(struct hooks* h, int value) { return h->on_open(value); }
int main(int argc, char** argv) { return run(&hooks, argc) + 1; }
)",
                             {"gcc-12", "-O2 -g", ".c"});
  ASSERT_GE(got.names.size(), 3u) << got.why;
  EXPECT_EQ(List(got.names.begin() + 1, got.names.end()), (List{"~run", "main"}));
}

constexpr const char* kTwoWays = R"(
#define FUNCTION __attribute__((noinline)) static
FUNCTION int leaf(int* p, int n) { return p[n] + 1; }
FUNCTION int left(int* p, int n) { return leaf(p, n * 3); }
FUNCTION int right(int* p, int n) { return leaf(p, n * 5); }
FUNCTION int choose(int* p, int n) { if (n & 1) return left(p, n + 7); return right(p, n ^ 9); }
int main(int argc, char** argv) { return choose((int*)0, argc) + 1; }
)";

// Both ways have `choose` in common. Which of the others it was cannot be known.
TEST(TailCalls, PutBackOnlyWhatAllWaysHaveInCommon) {
  if (!has_compiler("gcc-12")) GTEST_SKIP() << "no gcc-12";
  const Names got = names_of(kTwoWays, {"gcc-12", "-O2 -g", ".c"});
  EXPECT_EQ(got.names, (List{"leaf", "~choose", "main"})) << got.why;
  EXPECT_FALSE(got.stack.frames[1].is_exact());
  EXPECT_EQ(got.stack.frames[1].trust, Trust::kMedium);
  ASSERT_FALSE(got.stack.notes.empty());
  for (const char* words : {"possibly via ", "left()", "right()"})
    EXPECT_NE(got.stack.notes[0].text.find(words), std::string::npos) << got.stack.notes[0].text;
}

// The unlikely half of a function lies elsewhere, and is reached by a jump: that is no tail call.
TEST(TailCalls, AreNotSeenInTheColdPartOfAFunction) {
  if (!has_compiler("gcc-12")) GTEST_SKIP() << "no gcc-12";
  constexpr const char* kCold = R"(
__attribute__((cold, noinline)) static int report(int* p) { return *p + 1; }
__attribute__((noinline)) static int serve(int* p, int n) {
  if (__builtin_expect(p == 0, 0)) return report(p) * n + report(p + n);
  return p[n] + 1;
}
int main(int argc, char** argv) { return serve((int*)0, argc) + 1; }
)";
  for (const char* flags : {"-O2 -g", "-O2", "-O2 -s"}) {
    const Names got = names_of(kCold, {"gcc-12", flags, ".c"});
    const auto is_tail = [](const Frame& frame) { return frame.how == FoundBy::kTailCall; };
    EXPECT_TRUE(std::ranges::none_of(got.stack.frames, is_tail)) << flags << got.why;
  }
}

// parse calls group, which jumps to parse: every round but the last has both.
TEST(TailCalls, BelongToTheRoundsOfARecursion) {
  if (!has_compiler("gcc-12")) GTEST_SKIP() << "no gcc-12";
  const Names got = names_of(R"(
int parse(volatile char* text, int depth);
__attribute__((noinline)) int group(volatile char* text, int depth) { return parse(text + 1, depth * 2); }
__attribute__((noinline)) int parse(volatile char* text, int depth) {
  volatile char copy[64]; copy[depth & 63] = 1;
  return group(copy, depth + 1) + copy[1];
}
int main(int argc, char** argv) { return parse(0, argc) + 1; }
)",
                             {"gcc-12", "-O2 -g", ".c"});
  ASSERT_TRUE(got.stack.cycle) << got.why;
  EXPECT_EQ(got.stack.cycle->period, 2u);
  const size_t last = got.stack.cycle->first + got.stack.cycle->period;
  ASSERT_LT(last + 1, got.names.size());
  EXPECT_EQ(List(got.names.begin() + static_cast<ptrdiff_t>(last), got.names.end()),
            (List{"parse", "main"}));
  EXPECT_GT(got.stack.total_frames, 2 * (got.stack.cycle->count - 1));
}

}  // namespace
}  // namespace inquest::process
