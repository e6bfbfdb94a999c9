// The expression behind a fault, on programs that compilers of today really made.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/symbols/crashed_program.h"

namespace inquest::process {
namespace {

using ::testing::AnyOf;
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
     {"_vptr"}},
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

INSTANTIATE_TEST_SUITE_P(Programs, FaultExpression,
                         ::testing::Combine(::testing::ValuesIn(kPrograms),
                                            ::testing::ValuesIn(kBuilds)),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param).name) + "_" +
                                  std::get<1>(test.param).name;
                         });

}  // namespace
}  // namespace inquest::process
