#include "binary/breakpad/symbol_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "binary/breakpad/identity.h"

namespace inquest::breakpad {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kShop =
    "MODULE Linux x86_64 7EA602D4FB58BE4C25394BA87E4F2E280 shop\n"
    "INFO CODE_ID D402A67E58FB4CBE25394BA87E4F2E280BBAB71C\n"
    "FILE 0 /src/shop/cart.cc\n"
    "FILE 1 /src/shop/price list.h\n"
    "INLINE_ORIGIN 0 shop::rate(Order const*)\n"
    "INLINE_ORIGIN 1 shop::inner(Order const*)\n"
    "FUNC 1000 40 0 shop::quote(Order const*, int)\n"
    "INLINE 0 20 0 1 1008 10 1030 8\n"
    "INLINE 1 14 1 0 1008 8\n"
    "1000 8 18 0\n"
    "1008 8 7 1\n"
    "1010 8 12 1\n"
    "1018 18 21 0\n"
    "1030 8 12 1\n"
    "FUNC m 1040 10 0 main\n"
    "1040 10 30 0\n"
    "PUBLIC 2000 0 _init\n"
    "PUBLIC m 2040 0 helper\n"
    "STACK CFI INIT 1000 40 .cfa: $rsp 8 + .ra: .cfa -8 + ^\n"
    "STACK CFI 1001 .cfa: $rsp 16 + $rbp: .cfa -16 + ^\n"
    "STACK CFI 1004 .cfa: $rbp 16 +\n"
    "STACK CFI 103f .cfa: $rsp 8 +\n"
    "STACK CFI INIT 1040 10 .cfa: $rsp 8 + .ra: .cfa -8 + ^\n";

std::unique_ptr<SymbolFile> parse(std::string_view text) {
  auto file =
      SymbolFile::parse({reinterpret_cast<const uint8_t*>(text.data()), text.size()}, "sym");
  EXPECT_TRUE(file.ok()) << (file.ok() ? "" : file.error().message());
  return file.ok() ? std::move(*file) : nullptr;
}

TEST(BreakpadIdentity, IsTheBuildIdAsAGuid) {
  const auto id = BuildId::from_hex("d402a67e58fb4cbe25394ba87e4f2e280bbab71c");
  EXPECT_EQ(debug_id(*id), "7EA602D4FB58BE4C25394BA87E4F2E280");
  EXPECT_TRUE(names_build("7EA602D4FB58BE4C25394BA87E4F2E280", *id));
  EXPECT_TRUE(names_build("7ea602d4fb58be4c25394ba87e4f2e281", *id));  // the age is not compared
  EXPECT_FALSE(names_build("7EA602D4FB58BE4C25394BA87E4F2E290", *id));
  EXPECT_FALSE(names_build("7EA602D4", *id));
  EXPECT_FALSE(names_build("", BuildId()));
  // A build-id of eight bytes, as lld makes.
  EXPECT_EQ(debug_id(*BuildId::from_hex("10faa6bbb3ca8a3d")), "BBA6FA10CAB33D8A00000000000000000");
}

TEST(BreakpadSymbols, ReadsTheHeader) {
  const auto file = parse(kShop);
  EXPECT_EQ(file->header().system, "Linux");
  EXPECT_EQ(file->header().arch, "x86_64");
  EXPECT_EQ(file->header().id, "7EA602D4FB58BE4C25394BA87E4F2E280");
  EXPECT_EQ(file->header().name, "shop");
  EXPECT_EQ(file->header().code_id, "D402A67E58FB4CBE25394BA87E4F2E280BBAB71C");
  EXPECT_FALSE(read_header("FILE 0 x\n").ok());
  EXPECT_FALSE(read_header("").ok());
  EXPECT_FALSE(read_header("MODULE Linux x86_64\n").ok());
}

TEST(BreakpadSymbols, FindsAFunctionWithItsLinesAndCalls) {
  const auto file = parse(kShop);
  const auto function = file->function_at(0x100c);
  ASSERT_TRUE(function.has_value());
  EXPECT_EQ(function->name, "shop::quote(Order const*, int)");
  EXPECT_EQ(function->start, 0x1000u);
  EXPECT_EQ(function->end, 0x1040u);
  ASSERT_EQ(function->lines.size(), 5u);
  EXPECT_EQ(function->lines[1].line, 7u);
  EXPECT_EQ(file->file_name(function->lines[1].file), "/src/shop/price list.h");
  ASSERT_EQ(function->calls.size(), 2u);
  EXPECT_EQ(function->calls[0].name, "shop::inner(Order const*)");
  EXPECT_EQ(function->calls[0].call_line, 20u);
  EXPECT_EQ(function->calls[0].call_file, 0u);
  ASSERT_EQ(function->calls[0].ranges.size(), 2u);
  EXPECT_EQ(function->calls[0].ranges[1].first, 0x1030u);
  EXPECT_EQ(function->calls[1].depth, 1u);
  EXPECT_EQ(function->calls[1].name, "shop::rate(Order const*)");
  EXPECT_EQ(file->function_at(0x104f)->name, "main");
}

TEST(BreakpadSymbols, AFunctionEndsWhereItSays) {
  const auto file = parse(kShop);
  EXPECT_FALSE(file->function_at(0x1050).has_value());
  EXPECT_FALSE(file->function_at(0xfff).has_value());
}

TEST(BreakpadSymbols, APublicSymbolReachesToTheNextOne) {
  const auto file = parse(kShop);
  const auto init = file->function_at(0x203f);
  ASSERT_TRUE(init.has_value());
  EXPECT_EQ(init->name, "_init");
  EXPECT_TRUE(init->is_public);
  EXPECT_EQ(init->end, 0x2040u);
  EXPECT_EQ(file->function_at(0x2040)->name, "helper");
  // Between them and the function in front of them lies a gap that belongs to nobody.
  EXPECT_FALSE(file->function_at(0x1fff).has_value());
}

TEST(BreakpadSymbols, ReadsInlineRecordsOfTheFirstVersion) {
  const auto file = parse(
      "MODULE Linux x86_64 7EA602D4FB58BE4C25394BA87E4F2E280 a\nINLINE_ORIGIN 3 f()\n"
      "FUNC 10 10 0 g()\nINLINE 0 77 3 12 4\n10 10 5 1\n");
  const auto function = file->function_at(0x13);
  ASSERT_EQ(function->calls.size(), 1u);
  EXPECT_EQ(function->calls[0].call_line, 77u);
  EXPECT_EQ(function->calls[0].call_file, std::nullopt);
  EXPECT_EQ(function->calls[0].name, "f()");
}

TEST(BreakpadSymbols, MergesTheRulesUpToAnAddress) {
  const auto file = parse(kShop);
  const auto at_entry = file->rules_at(0x1000);
  ASSERT_TRUE(at_entry.has_value());
  EXPECT_EQ(at_entry->end, 0x1001u);
  ASSERT_EQ(at_entry->rules.size(), 2u);
  EXPECT_EQ(at_entry->rules[1].name, ".ra");
  EXPECT_EQ(at_entry->rules[1].expression, ".cfa -8 + ^");
  const auto inside = file->rules_at(0x1020);
  ASSERT_TRUE(inside.has_value());
  EXPECT_EQ(inside->start, 0x1004u);
  EXPECT_EQ(inside->end, 0x103fu);
  EXPECT_EQ(inside->function_end, 0x1040u);
  ASSERT_EQ(inside->rules.size(), 3u);
  EXPECT_EQ(inside->rules[0].expression, "$rbp 16 +");
  EXPECT_EQ(inside->rules[2].name, "$rbp");
  EXPECT_FALSE(file->rules_at(0x1050).has_value());
}

TEST(BreakpadSymbols, RecordsMayComeInAnyOrder) {
  const auto file = parse(
      "MODULE Linux x86_64 7EA602D4FB58BE4C25394BA87E4F2E280 a\r\n"
      "STACK CFI INIT 20 10 .cfa: $rsp 8 +\r\nFUNC 20 10 0 second\r\n20 10 2 1\r\n"
      "FUNC 10 10 0 first\r\n10 10 1 1\r\nFILE 1 /a b.c\r\nSTACK CFI INIT 10 10 .cfa: $rsp 16 "
      "+\r\n");
  EXPECT_EQ(file->function_at(0x18)->name, "first");
  EXPECT_EQ(file->function_at(0x28)->name, "second");
  EXPECT_EQ(file->function_at(0x28)->lines.size(), 1u);
  EXPECT_EQ(file->file_name(1), "/a b.c");
  EXPECT_EQ(file->rules_at(0x10)->rules[0].expression, "$rsp 16 +");
}

TEST(BreakpadSymbols, PassesOverWhatIsDamaged) {
  const auto file = parse(
      "MODULE Linux x86_64 7EA602D4FB58BE4C25394BA87E4F2E280 a\n"
      "FUNC zz 10 0 bad\nFUNC 10\nFUNC ffffffffffffffff ffffffffffffffff 0 wraps\n"
      "FUNC 10 10 0 good\nINLINE 0 1 2\nINLINE x\n10 zz 1 1\n10 8 1 1\ngarbage\n\n18 8 2 1\n"
      "STACK CFI INIT 10 zz .cfa: x\nSTACK CFI INIT 30 8\nSTACK CFI\nSTACK CFI 31 $rbx\nPUBLIC\n");
  const auto good = file->function_at(0x1a);
  ASSERT_TRUE(good.has_value());
  EXPECT_EQ(good->name, "good");
  EXPECT_EQ(good->lines.size(), 2u);
  EXPECT_FALSE(file->function_at(UINT64_MAX).has_value());
  EXPECT_FALSE(file->rules_at(0x10).has_value());
  EXPECT_TRUE(file->rules_at(0x30)->rules.empty());
}

TEST(BreakpadSymbols, SurvivesEveryTruncation) {
  for (size_t size = 0; size <= kShop.size(); ++size) {
    const std::string_view cut = kShop.substr(0, size);
    const auto file =
        SymbolFile::parse({reinterpret_cast<const uint8_t*>(cut.data()), size}, "sym");
    if (!file.ok()) continue;
    for (const uint64_t address : {0x1000, 0x100c, 0x1040, 0x2041}) {
      static_cast<void>((*file)->function_at(address));
      static_cast<void>((*file)->rules_at(address));
    }
  }
}

}  // namespace
}  // namespace inquest::breakpad
