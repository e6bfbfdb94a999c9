// The expression behind a fault, on programs that compilers of today really made.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/symbols/crashed_program.h"

namespace inquest::process {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

struct Expected {
  const char* name;
  const char* language;  // "c", "cc"
  const char* source;
  std::vector<std::string> pointers;  // any of these
  std::vector<std::string> members;   // any of these; empty: not asked
  std::string index = {};
};

const Expected kPrograms[] = {
    {"MemberOfNullMember",
     "c",
     R"(
      struct pricing { double tick, fee; };
      struct order { char symbol[16]; struct pricing* pricing; };
      __attribute__((noipa)) double quote(const struct order* order, double last) {
        return last * order->pricing->fee; }
      int main(int argc, char** argv) { struct order order = {"a", 0}; return (int)quote(&order, 2); })",
     {"order->pricing"},
     {"fee"}},
    {"NullArgument",
     "c",
     R"(
      struct order { long id; int lots[4]; };
      __attribute__((noipa)) int lots(struct order* order) { return order->lots[2]; }
      int main() { return lots(0); })",
     {"order"},
     {"lots[2]"}},
    {"ArrayElement",
     "c",
     R"(
      struct item { int price; int count; };
      struct cart { int n; struct item* items; };
      __attribute__((noipa)) int total(struct cart* cart, int i) { return cart->items[i].count; }
      int main() { struct cart cart = {3, 0}; return total(&cart, 5); })",
     {"cart->items"},
     {"count"},
     "i"},
    {"Global",
     "c",
     R"(
      struct limits { int low, high; };
      struct config { int a; struct limits* limits; } config;
      __attribute__((noipa)) int high(void) { return config.limits->high; }
      int main() { return high(); })",
     {"config.limits"},
     {"high"}},
    {"ListWalk",
     "c",
     R"(
      #include <stdlib.h>
      struct node { int value; struct node* next; };
      __attribute__((noipa)) int sum(struct node* head) {
        int sum = 0;
        for (struct node* node = head; node->value != 100; node = node->next) sum += node->value;
        return sum; }
      int main() { struct node second = {2, 0}, first = {1, &second}; return sum(&first); })",
     {"node", "node->next"},
     {"value"}},
    {"WriteThroughParameter",
     "c",
     R"(
      __attribute__((noipa)) void set(int* to, int value) { *to = value; }
      int main() { set((int*)16, 3); return 0; })",
     {"to"},
     {}},
    {"DeepChain",
     "c",
     R"(
      struct d { int x; }; struct c { long pad; struct d* d; }; struct b { long pad[2]; struct c c; };
      struct a { struct b* b; };
      __attribute__((noipa)) int deep(struct a* a) { return a->b->c.d->x; }
      int main() { struct b b = {{0}, {0, 0}}; struct a a = {&b}; return deep(&a); })",
     {"a->b->c.d"},
     {"x", ""}},
    {"This",
     "cc",
     R"(
      struct Cache { long pad; int* slots; [[gnu::noipa]] int get(int i) { return slots[i]; } };
      int main() { Cache cache{0, nullptr}; return cache.get(2); })",
     {"this->slots"},
     {},
     "i"},
    {"Reference",
     "cc",
     R"(
      struct Order { long id; int* price; };
      [[gnu::noipa]] int price(const Order& order) { return *order.price; }
      int main() { Order order{1, nullptr}; return price(order); })",
     {"order.price"},
     {}},
    {"UniquePointer",
     "cc",
     R"(
      #include <memory>
      struct Pricing { double tick, fee; };
      struct Cart { int id = 0; std::unique_ptr<Pricing> pricing_; };
      [[gnu::noipa]] double fee(Cart& cart) { return cart.pricing_->fee; }
      int main() { Cart cart; return (int)fee(cart); })",
     {"cart.pricing_"},
     {"fee"}},
    {"SharedPointer",
     "cc",
     R"(
      #include <memory>
      struct Session { long pad; int user; };
      struct Request { std::shared_ptr<Session> session; };
      [[gnu::noipa]] int user(const Request* request) { return request->session->user; }
      int main() { Request request; return user(&request); })",
     {"request->session"},
     {"user"}},
    {"VectorElement",
     "cc",
     R"(
      #include <vector>
      struct Entry { long key; int* value; };
      [[gnu::noipa]] int find(const std::vector<Entry>& entries, unsigned long at) { return *entries[at].value; }
      int main() { std::vector<Entry> entries(3); return find(entries, 1); })",
     {"entries[at].value"},
     {}},
    {"VirtualCallOnNull",
     "cc",
     R"(
      struct Shape { virtual ~Shape() = default; virtual double area() const = 0; };
      [[gnu::noipa]] double area(const Shape* shape) { return shape->area() + 1; }
      struct Square : Shape { double area() const override { return 2; } };
      int main(int argc, char**) { Square square; return (int)area(argc > 5 ? &square : nullptr); })",
     {"shape"},
     {"_vptr.Shape"}},
    {"BaseMember",
     "cc",
     R"(
      struct Base { long a; long* counter; }; struct Other { long b; }; struct Derived : Other, Base { int c; };
      [[gnu::noipa]] long count(Derived* derived) { return *derived->counter; }
      int main() { Derived derived{}; return (int)count(&derived); })",
     {"derived->counter"},
     {}},
    {"ReturnValue",
     "c",
     R"(
      struct cart { long pad; int total; };
      __attribute__((noipa)) struct cart* find_cart(int id) { return id == 7 ? (struct cart*)0 : (struct cart*)1; }
      __attribute__((noipa)) int total(int id) { return find_cart(id)->total; }
      int main() { return total(7); })",
     {"find_cart()"},
     {"total"}},
    {"LocalFromCall",
     "c",
     R"(
      struct cart { long pad; int total; };
      __attribute__((noipa)) struct cart* find_cart(int id) { return id == 7 ? (struct cart*)0 : (struct cart*)1; }
      __attribute__((noipa)) int total(int id) { struct cart* cart = find_cart(id); return cart->total; }
      int main() { return total(7); })",
     {"cart", "find_cart()"},
     {"total"}},
};

struct Build {
  const char* name;
  const char* c;
  const char* cxx;
  const char* flags;
};
const Build kBuilds[] = {
    {"Gcc12_O0", "gcc-12", "g++-12", "-O0 -g"},
    {"Gcc12_O1", "gcc-12", "g++-12", "-O1 -g"},
    {"Gcc12_O2", "gcc-12", "g++-12", "-O2 -g"},
    {"Gcc12_O3", "gcc-12", "g++-12", "-O3 -g"},
    {"Clang19_O0", "clang-19", "clang++-19", "-O0 -g"},
    {"Clang19_O2", "clang-19", "clang++-19", "-O2 -g"},
};

void PrintTo(const Expected& expected, std::ostream* out) { *out << expected.name; }
void PrintTo(const Build& build, std::ostream* out) { *out << build.name; }

class FaultExpression : public ::testing::TestWithParam<std::tuple<Expected, Build>> {};

// clang knows no noipa.
std::string adapted(std::string source, const std::string& compiler) {
  if (compiler.find("clang") == std::string::npos) return source;
  for (size_t at; (at = source.find("gnu::noipa")) != std::string::npos;)
    source.replace(at, 10, "gnu::noinline");
  for (size_t at; (at = source.find("noipa")) != std::string::npos;)
    source.replace(at, 5, "noinline");
  return source;
}

TEST_P(FaultExpression, IsTheOneInTheSource) {
  const auto& [expected, build] = GetParam();
  const bool is_c = std::string(expected.language) == "c";
  const std::string compiler = is_c ? build.c : build.cxx;
  if (!has_compiler(compiler)) GTEST_SKIP() << "no " << compiler;
  std::string why;
  const auto program = CrashedProgram::run(adapted(expected.source, compiler),
                                           {compiler, build.flags, is_c ? ".c" : ".cc"}, &why);
  ASSERT_NE(program, nullptr) << why;
  const auto explained = program->reader().explain_operand(program->stack(), 0, 0);
  ASSERT_TRUE(explained.pointer) << explained.why_not;
  std::string steps;
  for (const auto& step : explained.pointer->steps) steps += step + "\n";
  EXPECT_THAT(expected.pointers, Contains(explained.pointer->text)) << steps;
  if (!expected.members.empty()) {
    EXPECT_THAT(expected.members, Contains(explained.member ? explained.member->member : ""))
        << steps;
  }
  if (!expected.index.empty()) {
    ASSERT_TRUE(explained.index);
    EXPECT_EQ(explained.index->text, expected.index);
  }
}

// A small question about a small program; skipped without the compiler.
std::unique_ptr<CrashedProgram> run_c(const std::string& source, const std::string& flags) {
  std::string why;
  auto program = CrashedProgram::run(source, {"gcc-12", flags, ".c"}, &why);
  EXPECT_NE(program, nullptr) << why;
  return program;
}

class Question : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!has_compiler("gcc-12")) GTEST_SKIP() << "no gcc-12";
  }
};

TEST_P(Question, ACallThroughANullMemberNamesTheMember) {
  const auto program = run_c(R"(
      struct ops { int (*open)(int); int (*flush)(int); };
      struct plugin { long id; const struct ops* ops; };
      __attribute__((noipa)) int drain(struct plugin* plugin) { return plugin->ops->flush(3) + 1; }
      int main() { struct ops ops = {0, 0}; struct plugin plugin = {1, &ops}; return drain(&plugin); })",
                             GetParam());
  ASSERT_GE(program->stack().frames.size(), 2u);
  const auto target = program->reader().explain_call_target(program->stack(), 1);
  ASSERT_TRUE(target.pointer) << target.why_not;
  EXPECT_EQ(target.pointer->text, "plugin->ops->flush");
  EXPECT_EQ(target.pointer->base_variable, "plugin");
  EXPECT_EQ(target.pointer->base_kind, "argument");
  ASSERT_TRUE(target.member);
  EXPECT_EQ(target.member->member, "flush");
  EXPECT_EQ(target.member->structure, "struct ops");
}

TEST_P(Question, AnArgumentOfALibraryFunctionIsTheExpressionThatWasPassed) {
  const auto program = run_c(R"(
      #include <string.h>
      struct user { long id; const char* name; };
      __attribute__((noipa)) unsigned long length(struct user* user, int add) { return strlen(user->name) + add; }
      int main() { struct user user = {1, (const char*)24}; return (int)length(&user, 2); })",
                             std::string(GetParam()) + " -fno-builtin");
  const size_t caller = program->program_frame();
  const auto passed = program->reader().explain_argument(program->stack(), caller, 0);
  ASSERT_TRUE(passed.pointer) << passed.why_not;
  EXPECT_EQ(passed.pointer->text, "user->name");
  EXPECT_EQ(passed.pointer->type, "const char*");
  if (passed.pointer->value_known) {
    EXPECT_EQ(passed.pointer->value, 24u);
  }
}

TEST_P(Question, GlobalsAreDescribedDownToTheMember) {
  const auto program = run_c(R"(
      struct limits { int low, high; };
      struct { int pad; struct limits limits[4]; } config = {1, {{1, 2}, {3, 4}}};
      __attribute__((noipa)) void die(int* p) { *p = config.limits[1].high; *(volatile int*)0 = 1; }
      int main() { die(&config.limits[2].high); return 0; })",
                             std::string(GetParam()));
  const auto where = program->variable("p").value.scalar;
  if (!where) GTEST_SKIP() << "p was not kept";
  EXPECT_EQ(program->reader().describe_global(Address(*where)), "config.limits[2].high");
  EXPECT_EQ(program->reader().describe_global(Address(0x10)), std::nullopt);
}

TEST_P(Question, WhatLiesAtAnAddressIsTheObjectThatWasMeantOrNot) {
  const auto program = run_c(R"(
      struct gauge { const char* name; long* source; };
      struct counter { const char* name; long total; };
      struct { long pad; struct gauge gauge; struct counter counter; } all;
      __attribute__((noipa)) void die(void* gauge, void* counter) {
        *(void* volatile*)gauge = counter; *(volatile int*)0 = 1; }
      int main() { die(&all.gauge, &all.counter); return 0; })",
                             std::string(GetParam()));
  const auto gauge = program->variable("gauge").value.scalar;
  const auto counter = program->variable("counter").value.scalar;
  if (!gauge || !counter) GTEST_SKIP() << "the arguments were not kept";
  const auto right = program->reader().object_at(Address(*gauge), "gauge");
  ASSERT_TRUE(right);
  EXPECT_TRUE(right->is_wanted) << right->text << " " << right->type;
  EXPECT_EQ(right->text, "all.gauge");
  const auto wrong = program->reader().object_at(Address(*counter), "gauge");
  ASSERT_TRUE(wrong);
  EXPECT_FALSE(wrong->is_wanted);
  EXPECT_FALSE(program->reader().object_at(Address(0x10), "gauge"));
}

TEST_P(Question, ValuesLeftInMemoryAreComparedWithTheRegister) {
  const auto program = run_c(R"(
      struct node { long pad; struct node* next; };
      struct node* volatile shared;
      __attribute__((noipa)) long walk(struct node* node) {
        struct node* next = node->next;
        __atomic_store_n(&node->next, (struct node*)0x1234567000, __ATOMIC_SEQ_CST);
        return next->pad; }
      int main() { struct node node = {1, 0}; return (int)walk(&node); })",
                             std::string(GetParam()));
  const auto explained = program->reader().explain_operand(program->stack(), 0, 0);
  ASSERT_TRUE(explained.pointer) << explained.why_not;
  EXPECT_THAT((std::vector<std::string>{"next", "node->next"}), Contains(explained.pointer->text));
  if (explained.pointer->text == "node->next") {
    EXPECT_THAT(explained.pointer->steps, Contains(HasSubstr("changed since")));
  }
  EXPECT_EQ(explained.pointer->value, 0u);
}

TEST_P(Question, AParameterThatTheCompilerReplacedIsFoundInTheCaller) {
  const auto program = run_c(R"(
      struct inner { long pad; int x; };
      struct outer { long pad; struct inner* inner; };
      static __attribute__((noinline)) int read(struct outer* outer) { return outer->inner->x; }
      __attribute__((noipa)) int use(struct outer* outer) { return read(outer) + 1; }
      int main() { struct outer outer = {1, 0}; return use(&outer); })",
                             GetParam());
  const auto explained = program->reader().explain_operand(program->stack(), 0, 0);
  ASSERT_TRUE(explained.pointer) << explained.why_not;
  EXPECT_EQ(explained.pointer->text, "outer->inner");
}

TEST(OperandTrace, WithoutDebugInformationSaysSo) {
  if (!has_compiler("gcc-12")) GTEST_SKIP() << "no gcc-12";
  const auto program = run_c("int main(void) { return *(volatile int*)24; }", "-O1");
  const auto explained = program->reader().explain_operand(program->stack(), 0, 0);
  EXPECT_FALSE(explained.pointer);
  EXPECT_THAT(explained.why_not, HasSubstr("debug information"));
  EXPECT_TRUE(program->reader().variables(program->stack(), 0).empty());
}

INSTANTIATE_TEST_SUITE_P(Levels, Question,
                         ::testing::Values("-O0 -g", "-O1 -g", "-O2 -g", "-O3 -g"),
                         [](const auto& test) { return std::string("O") + test.param[2]; });

INSTANTIATE_TEST_SUITE_P(Programs, FaultExpression,
                         ::testing::Combine(::testing::ValuesIn(kPrograms),
                                            ::testing::ValuesIn(kBuilds)),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param).name) + "_" +
                                  std::get<1>(test.param).name;
                         });

}  // namespace
}  // namespace inquest::process
