#include "binary/demangle/demangle.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace inquest::demangle {
namespace {

struct Row {
  std::string_view symbol;
  std::string_view full;
  std::string_view name_only;
};

// Names as GCC, Clang and rustc write them.
constexpr Row kRows[] = {
    {"main", "main", "main"},
    {"", "", ""},
    {"_Z", "_Z", "_Z"},
    {"_R", "_R", "_R"},
    {"_Z3fooi", "foo(int)", "foo"},
    {"_ZNSt6vectorIiSaIiEE9push_backERKi",
     "std::vector<int, std::allocator<int> >::push_back(int const&)",
     "std::vector<int, std::allocator<int> >::push_back"},
    {"_ZSt4sortIiEvT_S0_", "void std::sort<int>(int, int)", "std::sort<int>"},
    {"_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()() const",
     "main::{lambda()#1}::operator()"},
    {"_ZN12_GLOBAL__N_13fooEv", "(anonymous namespace)::foo()", "(anonymous namespace)::foo"},
    {"_ZN1AltIiEEbT_", "bool A::operator< <int>(int)", "A::operator< <int>"},
    {"_ZTV5Order", "vtable for Order", "vtable for Order"},
    {"_ZGVZ4mainE1x", "guard variable for main::x", "guard variable for main::x"},
    {"_ZN5OrderD0Ev", "Order::~Order()", "Order::~Order"},
    {"_ZN5OrdercvSsEv", "Order::operator std::string()", "Order::operator std::string"},
    {"_GLOBAL__sub_I_foo.cpp", "_GLOBAL__sub_I_foo.cpp", "_GLOBAL__sub_I_foo.cpp"},
    {"_GLOBAL__sub_I__ZN5OrderC2Ev", "global constructors keyed to Order::Order()",
     "global constructors keyed to Order::Order"},
    {"_ZN4core3fmt9Formatter3pad17h05af221e174051e9E", "core::fmt::Formatter::pad",
     "core::fmt::Formatter::pad"},
    {"_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$"
     "3bar17h930b740aa94"
     "f1d3aE",
     "<Test + 'static as foo::Bar<Test>>::bar", "<Test + 'static as foo::Bar<Test>>::bar"},
    {"_ZN3std2rt10lang_start28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE.llvm.42",
     "std::rt::lang_start::{{closure}} [.llvm.42]", "std::rt::lang_start::{{closure}} [.llvm.42]"},
    {"_RNvC6_123foo3bar", "123foo::bar", "123foo::bar"},
    {"_RNvMsr_NtCs3ssYzQotkvD_3std4pathNtB5_7PathBuf3newCs15kBYyAo9fc_7mycrate",
     "<std::path::PathBuf>::new", "<std::path::PathBuf>::new"},
    {"_RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_", "cc::spawn::{closure#0}::{closure#0}",
     "cc::spawn::{closure#0}::{closure#0}"},
    {"_RNvC6_123foo3bar.llvm.9D1C9369", "123foo::bar [.llvm.9D1C9369]",
     "123foo::bar [.llvm.9D1C9369]"},
};

TEST(Demangle, WritesNamesAsPeopleDo) {
  for (const Row& row : kRows) {
    EXPECT_EQ(demangle(row.symbol), row.full) << row.symbol;
    EXPECT_EQ(demangle_name_only(row.symbol), row.name_only) << row.symbol;
  }
}

struct SuffixRow {
  std::string_view symbol;
  std::string_view shown;
  std::string_view stripped;
};

constexpr SuffixRow kSuffixRows[] = {
    {"_Z3fooi.cold", "foo(int) [.cold]", "foo(int)"},
    {"_Z3fooi.part.0", "foo(int) [.part.0]", "foo(int)"},
    {"_Z3fooi.constprop.0.isra.0", "foo(int) [.constprop.0.isra.0]", "foo(int)"},
    {"_Z3fooi.avx2", "foo(int) [.avx2]", "foo(int)"},
    {"_Z3fooi [clone .cold]", "foo(int) [.cold]", "foo(int)"},
    {"foo.isra.0.cold", "foo [.isra.0.cold]", "foo"},
    {"foo.lto_priv.0", "foo [.lto_priv.0]", "foo"},
    {"memcpy@@GLIBC_2.14", "memcpy [@@GLIBC_2.14]", "memcpy"},
    {"memcpy@GLIBC_2.2.5", "memcpy [@GLIBC_2.2.5]", "memcpy"},
    {"_ZNSs4_RepC1Ev@@GLIBCXX_3.4", "std::string::_Rep::_Rep() [@@GLIBCXX_3.4]",
     "std::string::_Rep::_Rep()"},
    {"_ZN4core3fmt9Formatter3pad17h05af221e174051e9E.cold", "core::fmt::Formatter::pad [.cold]",
     "core::fmt::Formatter::pad"},
    {"_ZN4core3fmt9Formatter3pad17h05af221e174051e9E.llvm.9D1C9369",
     "core::fmt::Formatter::pad [.llvm.9D1C9369]", "core::fmt::Formatter::pad"},
    {"data.start", "data.start", "data.start"},
    {"counter.0", "counter.0", "counter.0"},
    {".cold", ".cold", ".cold"},
    {"@", "@", "@"},
};

TEST(Demangle, ShowsOrStripsWhatCompilersAppend) {
  for (const SuffixRow& row : kSuffixRows) {
    EXPECT_EQ(demangle(row.symbol), row.shown) << row.symbol;
    EXPECT_EQ(demangle(row.symbol, Suffix::kStrip), row.stripped) << row.symbol;
  }
}

// The peak grows in whole pages, and only when this call needs more than any before it.
struct Cost {
  double milliseconds;
  long kilobytes;
  std::string result;
};

long peak_kilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

Cost cost_of(std::string_view symbol) {
  const long before = peak_kilobytes();
  const auto start = std::chrono::steady_clock::now();
  std::string result = demangle(symbol);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  return {took.count(), peak_kilobytes() - before, std::move(result)};
}

// Each substitution doubles what the one before it prints: output of 2^n.
std::string doubling_name() {
  std::string name = "_Z1f1AIS_S_E";
  const std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (size_t i = 0; i < digits.size() && name.size() < 240; i += 2) {
    const std::string last = std::string("S") + digits[i] + "_";
    name += "1BI" + last + last + "E";
  }
  return name;
}

TEST(DemangleHostile, A250ByteNameCostsMillisecondsAndUnderAMegabyte) {
  const std::string doubling = doubling_name();
  ASSERT_LE(doubling.size(), 250u);
  std::string nested = "_Z1f";
  for (int i = 0; i < 60; ++i) nested += "1AI";
  const std::vector<std::string> names = {doubling,
                                          nested,
                                          "_Z1f" + std::string(246, 'P') + "i",
                                          "_Z1f" + std::string(120, 'F'),
                                          "_R" + std::string(248, 'N'),
                                          "_RINv" + std::string(240, 'R'),
                                          "_ZN" + std::string(240, '1'),
                                          "_Z1fIXplcvT_" + std::string(200, 'n') + "EEvv"};
  for (const std::string& name : names) {
    const Cost cost = cost_of(name);
    EXPECT_LT(cost.milliseconds, 5.0 * 4) << name;  // 4: room for a busy or instrumented machine
    EXPECT_LT(cost.kilobytes, 1024) << name;
    EXPECT_LE(cost.result.size(), kMaxDemangledSize);
  }
  EXPECT_EQ(cost_of(doubling).result, doubling);  // it would be megabytes
}

TEST(DemangleHostile, RustBackReferencesThatDoubleAreStopped) {
  // A tuple of two references to the tuple before it, thirty times over.
  std::string name = "_RMC0";
  std::vector<size_t> starts;
  const std::string_view digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const auto base62 = [&](size_t value) {
    if (value == 0) return std::string("_");
    std::string text;
    for (--value;; value /= 62) {
      text.insert(text.begin(), digits[value % 62]);
      if (value < 62) return text + "_";
    }
  };
  name += "T";
  const size_t outer = name.size();
  name += "TuuE";
  size_t last = outer - 2;  // back references count from after "_R"
  for (int i = 0; i < 30; ++i) {
    const size_t here = name.size() - 2;
    name += "TB" + base62(last) + "B" + base62(last) + "E";
    last = here;
  }
  name += "E";
  const Cost cost = cost_of(name);
  EXPECT_LT(cost.milliseconds, 50);
  EXPECT_LT(cost.kilobytes, 1024);
  EXPECT_EQ(cost.result, name);
}

TEST(DemangleHostile, DeepNestingDoesNotOverflowTheStack) {
  for (size_t size : {500u, 1000u, 1001u, 2000u, 16000u}) {
    for (std::string_view unit : {"P", "1AI", "Dv_", "XL", "N", "F", "XadL", "XngX", "S_I", "T_"}) {
      std::string name = "_Z1f";
      while (name.size() + unit.size() <= size) name += unit;
      const std::string result = demangle(name + "i");
      EXPECT_LE(result.size(), kMaxDemangledSize);
    }
  }
  EXPECT_EQ(demangle("_Z1fPPPPi"), "f(int****)");
  EXPECT_EQ(demangle("_Z1f" + std::string(400, 'P') + "i"), "f(int" + std::string(400, '*') + ")");
}

TEST(DemangleHostile, TablesQuadraticInTheNameAreRefused) {
  std::string name = "_Z1f";
  while (name.size() < 8000) name += "1AIiE";
  while (name.size() < 16000) name += "RT_";
  EXPECT_EQ(demangle(name), name);
}

TEST(DemangleHostile, OverlongAndBinaryNamesComeBackAsTheyAre) {
  const std::string overlong = "_Z1f" + std::string(kMaxMangledSize, 'i');
  EXPECT_EQ(demangle(overlong), overlong);
  const std::string with_nul("_Z3foo\0i", 8);
  EXPECT_EQ(demangle(with_nul), with_nul);
  const std::string binary("_Z\xff\x80\x01");
  EXPECT_EQ(demangle(binary), binary);
}

TEST(Demangle, HonestNamesOfThousandsOfCharactersAreDemangled) {
  // f(a_0_long_name<int>, a_1_long_name<int>, ...)
  for (size_t size : {900u, 2000u, 5000u}) {
    std::string name = "_Z1f", expected = "f(";
    for (int i = 1000; name.size() < size; ++i) {
      const std::string type = "a_rather_long_name_" + std::to_string(i);
      name += std::to_string(type.size()) + type + "IiE";
      expected += (expected.size() > 2 ? ", " : "") + type + "<int>";
    }
    EXPECT_EQ(demangle(name), expected + ")");
  }
}

}  // namespace
}  // namespace inquest::demangle
