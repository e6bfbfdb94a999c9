#include "binary/demangle/names.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "binary/demangle/demangle.h"

namespace inquest::demangle {
namespace {

struct Row {
  std::string_view given;
  std::string_view expected;
};

constexpr Row kSimplified[] = {
    {"main", "main"},
    {"", ""},
    {"std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >::size() "
     "const",
     "std::string::size() const"},
    {"std::__1::basic_string<wchar_t, std::__1::char_traits<wchar_t>, std::__1::allocator<wchar_t> "
     ">",
     "std::wstring"},
    {"std::basic_string_view<char, std::char_traits<char> >", "std::string_view"},
    {"std::basic_ostream<char, std::char_traits<char> >& std::operator<< <std::char_traits<char> "
     ">(std::basic_ostream<char, std::char_traits<char> >&, char const*)",
     "std::ostream& std::operator<< <std::char_traits<char>>(std::ostream&, char const*)"},
    {"std::vector<int, std::allocator<int> >::push_back(int const&)",
     "std::vector<int>::push_back(int const&)"},
    {"std::vector<int, my::allocator<int> >", "std::vector<int, my::allocator<int>>"},
    {"std::vector<int, std::allocator<long> >", "std::vector<int, std::allocator<long>>"},
    {"std::map<std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >, "
     "std::vector<int, std::allocator<int> >, std::less<std::__cxx11::basic_string<char, "
     "std::char_traits<char>, std::allocator<char> > >, "
     "std::allocator<std::pair<std::__cxx11::basic_string<char, std::char_traits<char>, "
     "std::allocator<char> > const, std::vector<int, std::allocator<int> > > > >::at",
     "std::map<std::string, std::vector<int>>::at"},
    {"std::map<int, int, Greater, std::allocator<std::pair<int const, int> > >",
     "std::map<int, int, Greater>"},
    {"std::unordered_map<int, Order*, std::hash<int>, std::equal_to<int>, "
     "std::allocator<std::pair<int const, Order*> > >",
     "std::unordered_map<int, Order*>"},
    {"std::set<long, std::less<long>, std::allocator<long> >", "std::set<long>"},
    {"std::unique_ptr<Order, std::default_delete<Order> >", "std::unique_ptr<Order>"},
    {"std::unique_ptr<FILE, int (*)(FILE*)>", "std::unique_ptr<FILE, int (*)(FILE*)>"},
    {"std::function<void (std::vector<int, std::allocator<int> > const&)>",
     "std::function<void (std::vector<int> const&)>"},
    {"mystd::vector<int, std::allocator<int> >", "mystd::vector<int, std::allocator<int>>"},
    {"Order::name[abi:cxx11]() const", "Order::name() const"},
    {"A::operator<(A const&)", "A::operator<(A const&)"},
    {"A::operator>> <int>(int)", "A::operator>> <int>(int)"},
    {"A::operator->() const", "A::operator->() const"},
    {"A::operator()<int>(std::deque<int, std::allocator<int> >)",
     "A::operator()<int>(std::deque<int>)"},
    {"void f<((3)>(2))>()", "void f<((3)>(2))>()"},
    {"f<(a<b)>", "f<(a<b)>"},
    {"f<>", "f<>"},
    {"auto f()->std::vector<int, std::allocator<int> >", "auto f()->std::vector<int>"},
    {"main::{lambda(std::set<int, std::less<int>, std::allocator<int> >)#1}::operator()",
     "main::{lambda(std::set<int>)#1}::operator()"},
    {"broken<int", "broken<int"},
    {"broken>>>", "broken>>>"},
    {"<<<", "<<<"},
    {")))", ")))"},
};

TEST(SimplifyCxx, WritesStandardTypesAsTheyWereTyped) {
  for (const Row& row : kSimplified) EXPECT_EQ(simplify_cxx(row.given), row.expected) << row.given;
}

TEST(SimplifyCxx, DoingItTwiceChangesNothing) {
  for (const Row& row : kSimplified) {
    EXPECT_EQ(simplify_cxx(row.expected), row.expected) << row.expected;
  }
}

TEST(SimplifyCxx, DeepAndLongNamesAreBounded) {
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "A<";
  deep += "int" + std::string(10'000, '>');
  EXPECT_EQ(simplify_cxx(deep), deep);
  const std::string overlong(kMaxDemangledSize + 1, '<');
  EXPECT_EQ(simplify_cxx(overlong), overlong);
}

TEST(ShortenTemplateArguments, TakesTheInnermostFirst) {
  const std::string_view name = "ns::Map<std::vector<std::pair<int, long>>, Less<int>>::find";
  EXPECT_EQ(shorten_template_arguments(name, 100), name);
  EXPECT_EQ(shorten_template_arguments(name, 55),
            "ns::Map<std::vector<std::pair<...>>, Less<int>>::find");
  EXPECT_EQ(shorten_template_arguments(name, 45), "ns::Map<std::vector<...>, Less<...>>::find");
  EXPECT_EQ(shorten_template_arguments(name, 20), "ns::Map<...>::find");
}

TEST(ShortenTemplateArguments, NeverCutsTheNamesOwnWords) {
  EXPECT_EQ(shorten_template_arguments("a_long_function_name", 5), "a_long_function_name");
  EXPECT_EQ(shorten_template_arguments("A::operator<<", 5), "A::operator<<");
  EXPECT_EQ(shorten_template_arguments("A::operator<< <int>", 5), "A::operator<< <...>");
  EXPECT_EQ(shorten_template_arguments("f<>", 1), "f<>");
  EXPECT_EQ(shorten_template_arguments("<T as core::Trait>::method", 10), "<...>::method");
}

constexpr Row kNamesOfDemangled[] = {
    {"main", "main"},
    {"", ""},
    {"crash(int*)", "crash"},
    {"std::vector<int>::at(unsigned long) const", "std::vector<int>::at"},
    {"int& std::get<0ul, int>(std::tuple<int>&)", "std::get<0ul, int>"},
    {"void (anonymous namespace)::run<(anonymous namespace)::Job>(int)",
     "(anonymous namespace)::run<(anonymous namespace)::Job>"},
    {"operator new(unsigned long)", "operator new"},
    {"operator delete[](void*)", "operator delete[]"},
    {"shop::Money::operator unsigned long() const", "shop::Money::operator unsigned long"},
    {"bool shop::operator<(shop::A const&, shop::A const&)", "shop::operator<"},
    {"std::ostream& std::operator<< <char>(std::ostream&, char)", "std::operator<< <char>"},
    {"main::$_0::operator()(int) const", "main::$_0::operator()"},
    {"main::$_0::operator()", "main::$_0::operator()"},
    {"run()::{lambda(int)#1}::operator()(int) const", "run()::{lambda(int)#1}::operator()"},
    {"run(int)::'lambda'(int)::operator()(int) const", "run(int)::'lambda'(int)::operator()"},
    {"non-virtual thunk to shop::Cart::close()", "shop::Cart::close"},
    {"helper(int) [clone .cold]", "helper"},
    {"helper [clone .cold]", "helper"},
    {"decltype(auto) std::__invoke<void (*)()>(void (*&&)())", "std::__invoke<void (*)()>"},
    {"<alloc::vec::Vec<T> as core::ops::Drop>::drop",
     "<alloc::vec::Vec<T> as core::ops::Drop>::drop"},
    {"core::ptr::drop_in_place<alloc::vec::Vec<u8>>",
     "core::ptr::drop_in_place<alloc::vec::Vec<u8>>"},
    {"app::main::{{closure}}", "app::main::{{closure}}"},
    {"-[Window draw:at:]", "-[Window draw:at:]"},
    {"((((", "(((("},
    {")))<<<", ")))<<<"},
};

TEST(NameOfDemangled, HasNeitherReturnTypeNorParameters) {
  for (const Row& row : kNamesOfDemangled) {
    EXPECT_EQ(name_of_demangled(row.given), row.expected) << row.given;
  }
}

}  // namespace
}  // namespace inquest::demangle
