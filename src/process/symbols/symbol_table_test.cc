#include "process/symbols/symbol_table.h"

#include <gtest/gtest.h>

#include "testing/elf_builder.h"

namespace inquest::process {
namespace {

using inquest::testing::ElfBuilder;

struct Image {
  explicit Image(const std::vector<ElfBuilder::SymbolSpec>& symbols, bool dynamic = false) {
    ElfBuilder builder;
    builder.add_section(
        {.name = ".text", .flags = 6, .address = 0x1000, .contents = Bytes(16, 0x90)});
    builder.add_symbols(symbols, dynamic);
    bytes = builder.build();
    file = std::move(*elf::File::parse(bytes));
  }
  std::string at(uint64_t address, SymbolKind kind = SymbolKind::kCode) const {
    SymbolQuery query{.address = address};
    look_up(*file, kind, {&query, 1});
    return query.answer ? query.answer->name : "";
  }
  Bytes bytes;
  std::optional<elf::File> file;
};

TEST(SymbolTable, FindsTheFunctionThatCoversAnAddress) {
  const Image image({{.name = "one", .value = 0x1000, .size = 0x10},
                     {.name = "two", .value = 0x1010, .size = 0x10}});
  EXPECT_EQ(image.at(0x1000), "one");
  EXPECT_EQ(image.at(0x100f), "one");
  EXPECT_EQ(image.at(0x1010), "two");
  EXPECT_EQ(image.at(0x1020), "");
  EXPECT_EQ(image.at(0xfff), "");
}

TEST(SymbolTable, PrefersGlobalNamesAndInnerFunctions) {
  const Image image({{.name = "local", .value = 0x1000, .size = 0x10, .binding = 0},
                     {.name = "global", .value = 0x1000, .size = 0x10, .binding = 1},
                     {.name = "weak", .value = 0x1000, .size = 0x10, .binding = 2},
                     {.name = "inner", .value = 0x1004, .size = 4, .binding = 0}});
  EXPECT_EQ(image.at(0x1001), "global");
  EXPECT_EQ(image.at(0x1005), "inner");
}

TEST(SymbolTable, UsesALabelOnlyWhereNothingCovers) {
  const Image image({{.name = "label", .value = 0x1000, .size = 0, .type = 0},
                     {.name = "$x", .value = 0x1008, .size = 0, .type = 0},
                     {.name = "sized", .value = 0x1002, .size = 2}});
  EXPECT_EQ(image.at(0x1001), "label");
  EXPECT_EQ(image.at(0x1003), "sized");
  EXPECT_EQ(image.at(0x1009), "label");
  EXPECT_EQ(image.at(0x1000 + (1 << 16)), "");
}

TEST(SymbolTable, LooksAtObjectsOnlyWhenAsked) {
  const Image image({{.name = "table", .value = 0x1000, .size = 8, .type = 1}});
  EXPECT_EQ(image.at(0x1004), "");
  EXPECT_EQ(image.at(0x1004, SymbolKind::kAnything), "table");
}

TEST(SymbolTable, AnswersManyAddressesInOnePass) {
  std::vector<ElfBuilder::SymbolSpec> symbols;
  for (uint64_t i = 0; i < 500; ++i)
    symbols.push_back({.name = "f" + std::to_string(i), .value = 0x1000 + i * 0x10, .size = 0x10});
  const Image image(symbols);
  std::vector<SymbolQuery> queries;
  for (uint64_t i = 0; i < 500; i += 7) queries.push_back({.address = 0x1000 + i * 0x10 + 3});
  EXPECT_TRUE(look_up(*image.file, SymbolKind::kCode, queries));
  for (size_t i = 0; i < queries.size(); ++i) {
    ASSERT_TRUE(queries[i].answer);
    EXPECT_EQ(queries[i].answer->name, "f" + std::to_string(i * 7));
  }
}

TEST(SymbolTable, FallsBackToDynamicSymbols) {
  const Image image({{.name = "exported", .value = 0x1000, .size = 0x10}}, true);
  SymbolQuery query{.address = 0x1004};
  EXPECT_FALSE(look_up(*image.file, SymbolKind::kCode, {&query, 1}));
  ASSERT_TRUE(query.answer);
  EXPECT_EQ(query.answer->name, "exported");
}

TEST(SymbolTable, KeepsABetterAnswerOfAnotherTable) {
  const Image first({{.name = "sized", .value = 0x1000, .size = 0x10}});
  const Image second({{.name = "label", .value = 0x1004, .size = 0, .type = 0}});
  SymbolQuery query{.address = 0x1005};
  look_up(*first.file, SymbolKind::kCode, {&query, 1});
  look_up(*second.file, SymbolKind::kCode, {&query, 1});
  EXPECT_EQ(query.answer->name, "sized");
}

TEST(SymbolTable, FindsAddressesByName) {
  const Image image({{.name = "data_end", .value = 0x2000, .size = 8, .type = 1},
                     {.name = "data", .value = 0x1000, .size = 8, .type = 1},
                     {.name = "undefined", .value = 0, .section = 0}});
  EXPECT_EQ(address_of_symbol(*image.file, "data"), 0x1000u);
  EXPECT_EQ(address_of_symbol(*image.file, "data_end"), 0x2000u);
  EXPECT_EQ(address_of_symbol(*image.file, "dat"), std::nullopt);
  EXPECT_EQ(address_of_symbol(*image.file, "undefined"), std::nullopt);
  EXPECT_EQ(address_of_symbol(*image.file, ""), std::nullopt);
}

}  // namespace
}  // namespace inquest::process
