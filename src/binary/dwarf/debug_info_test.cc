// The same questions to one program in every shape of debug information.
#include "binary/dwarf/debug_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "platform/os/file.h"
#include "platform/os/mapped_file.h"

namespace inquest::dwarf {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::map<std::string, uint32_t> read_marks() {
  std::map<std::string, uint32_t> marks;
  std::ifstream source(INQUEST_FIXTURE_SOURCE);
  std::string line;
  for (uint32_t number = 1; std::getline(source, line); ++number) {
    const auto mark = line.find("// MARK ");
    if (mark != std::string::npos) marks[line.substr(mark + 8)] = number;
  }
  return marks;
}

struct Opened {
  os::MappedFile mapping, alt_mapping;
  std::optional<elf::File> elf, alt;
  std::unique_ptr<DebugInfo> info;
};

std::string path_of(const std::string& name) { return INQUEST_FIXTURES "/" + name; }

std::unique_ptr<Opened> open_fixture(const std::string& name) {
  auto opened = std::make_unique<Opened>();
  opened->mapping = std::move(*os::MappedFile::open(path_of(name)));
  opened->elf = std::move(*elf::File::parse(opened->mapping.bytes()));
  if (name == "dwz") {
    opened->alt_mapping = std::move(*os::MappedFile::open(path_of("dwz.alt")));
    opened->alt = std::move(*elf::File::parse(opened->alt_mapping.bytes()));
  }
  auto info = DebugInfo::open(*opened->elf, &*opened->elf, opened->alt ? &*opened->alt : nullptr,
                              path_of(name));
  EXPECT_TRUE(info.ok());
  if (info.ok()) opened->info = std::move(*info);
  return opened;
}

class DebugInfoShapes : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!os::is_regular_file(path_of(GetParam()))) GTEST_SKIP() << "not made on this machine";
    opened_ = open_fixture(GetParam());
    ASSERT_NE(opened_->info, nullptr);
  }

  DebugInfo& info() { return *opened_->info; }
  bool has_call_sites() const { return std::string_view(GetParam()) != "gcc3"; }

  // Every unit of the fixtures' own source.
  uint64_t unit() {
    const auto address = symbol("main");
    return info().unit_at(address).value_or(~uint64_t{0});
  }

  uint64_t symbol(std::string_view name) {
    uint64_t value = 0;
    opened_->elf->for_each_symbol([&](const elf::Symbol& s) {
      if (s.name == name) value = s.value;
      return value == 0;
    });
    EXPECT_NE(value, 0u) << name;
    return value;
  }

  // Code of a marked line whose innermost function is called `function`.
  std::vector<uint64_t> code_of(const std::string& mark, const std::string& function) {
    static const auto marks = read_marks();
    const uint32_t line = marks.at(mark);
    std::vector<uint64_t> found;
    for (const auto& row : info().unit_lines(unit())) {
      if (row.line != line || row.end_sequence || !row.file.ends_with("shop.cc")) continue;
      const auto scopes = info().scopes_at(row.address);
      if (!scopes.empty() && scopes.front().name == function) found.push_back(row.address);
    }
    EXPECT_FALSE(found.empty()) << mark << " in " << function;
    return found;
  }

  std::unique_ptr<Opened> opened_;
};

std::vector<std::string> names(const std::vector<FunctionScope>& scopes) {
  std::vector<std::string> result;
  for (const auto& scope : scopes) result.push_back(scope.name);
  return result;
}

TEST_P(DebugInfoShapes, ExpandsInlinedFunctionsAndWhereTheyWereCalled) {
  static const auto marks = read_marks();
  bool in_quote = false;
  for (const uint64_t pc : code_of("innermost", "shop::level_of")) {
    const auto scopes = info().scopes_at(pc);
    ASSERT_GE(scopes.size(), 3u);
    EXPECT_EQ(scopes[1].name, "shop::price_of");
    EXPECT_TRUE(scopes[0].is_inlined);
    EXPECT_TRUE(scopes[1].is_inlined);
    EXPECT_FALSE(scopes.back().is_inlined);
    EXPECT_EQ(scopes[0].call_line, marks.at("call_innermost"));
    EXPECT_THAT(scopes[0].call_file, EndsWith("fixtures/shop.cc"));
    EXPECT_THAT(scopes[0].call_file, ::testing::StartsWith("/"));
    if (scopes[2].name != "shop::quote") continue;
    in_quote = true;
    EXPECT_EQ(scopes[1].call_line, marks.at("call_in_quote"));
    EXPECT_EQ(scopes[2].linkage_name, "_ZN4shop5quoteEPKNS_5OrderEi");
    EXPECT_EQ(scopes[2].low_pc, symbol("_ZN4shop5quoteEPKNS_5OrderEi"));
  }
  EXPECT_TRUE(in_quote);
}

TEST_P(DebugInfoShapes, QualifiesMembersAndAnonymousNamespaces) {
  const uint64_t total = symbol("_ZNK4shop5Order5totalEi");
  EXPECT_EQ(info().scopes_at(total).back().name, "shop::Order::total");
  const uint64_t hidden = code_of("hidden", "shop::(anonymous namespace)::hidden").front();
  EXPECT_EQ(info().scopes_at(hidden).back().name, "shop::(anonymous namespace)::hidden");
  EXPECT_EQ(info().scopes_at(symbol("plain_c_name")).back().name, "plain_c_name");
}

TEST_P(DebugInfoShapes, FindsTheLineOfEveryRowOfTheTable) {
  const auto rows = info().unit_lines(unit());
  ASSERT_GT(rows.size(), 20u);
  for (size_t i = 0; i + 1 < rows.size(); ++i) {
    if (rows[i].end_sequence || rows[i + 1].address <= rows[i].address) continue;
    const auto line = info().line_at(rows[i + 1].address - 1);
    ASSERT_TRUE(line);
    EXPECT_EQ(line->line, rows[i].line);
    EXPECT_EQ(line->file, rows[i].file);
  }
}

TEST_P(DebugInfoShapes, KnowsNothingOutsideTheProgram) {
  for (const uint64_t pc : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}, uint64_t{0x7fff00000000}}) {
    EXPECT_THAT(info().scopes_at(pc), IsEmpty());
    EXPECT_EQ(info().line_at(pc), std::nullopt) << pc;
    EXPECT_THAT(info().variables_at(pc), IsEmpty());
  }
}

TEST_P(DebugInfoShapes, ListsParametersAndLocalsOfEachScope) {
  for (const uint64_t pc : code_of("innermost", "shop::level_of")) {
    const auto scopes = info().scopes_at(pc);
    const auto variables = info().variables_at(pc);
    const auto in_scope = [&](size_t scope, bool parameters) {
      std::vector<std::string> result;
      for (const auto& variable : variables) {
        if (variable.scope == scope && variable.is_parameter == parameters)
          result.push_back(variable.name);
      }
      std::sort(result.begin(), result.end());
      return result;
    };
    EXPECT_THAT(in_scope(0, true), ElementsAre("pricing", "sink"));
    EXPECT_THAT(in_scope(1, true), ElementsAre("order", "sink"));
    if (scopes[2].name != "shop::quote") continue;
    EXPECT_THAT(in_scope(2, true), ElementsAre("count", "order"));
    for (const auto& variable : variables) {
      if (variable.scope != 2 || variable.name != "order") continue;
      ASSERT_TRUE(variable.type);
      EXPECT_EQ(info().type_name(*variable.type), "const shop::Order*");
    }
    const auto sink = std::find_if(variables.begin(), variables.end(), [](const auto& v) {
      return v.scope == 2 && v.name == "sink" && !v.is_parameter;
    });
    ASSERT_NE(sink, variables.end());
    EXPECT_EQ(info().type_name(*sink->type), "volatile int");
    ASSERT_TRUE(sink->location);
    EXPECT_FALSE(sink->location->empty());
  }
}

TEST_P(DebugInfoShapes, DescribesAStructure) {
  const auto ref = info().find_type("shop::Order");
  ASSERT_TRUE(ref);
  const Type order = info().type(*ref);
  EXPECT_EQ(order.name, "shop::Order");
  EXPECT_EQ(order.size, 96u);
  ASSERT_GE(order.members.size(), 5u);
  EXPECT_TRUE(order.members[0].is_base);
  const auto member = [&](std::string_view name) {
    return *std::find_if(order.members.begin(), order.members.end(),
                         [&](const Member& m) { return m.name == name; });
  };
  EXPECT_EQ(member("pricing").offset, 16u);
  EXPECT_EQ(info().type_name(member("pricing").type), "shop::Pricing*");
  EXPECT_EQ(member("items").offset, 24u);
  EXPECT_TRUE(member("counter").is_static);
  const Type items = info().type(member("items").type);
  EXPECT_EQ(items.kind, TypeKind::kArray);
  EXPECT_THAT(items.dimensions,
              ElementsAre(std::optional<uint64_t>(3), std::optional<uint64_t>(4)));
  EXPECT_EQ(items.size, 48u);
  EXPECT_EQ(info().type_name(member("items").type), "int[3][4]");
  const Type state = info().strip(member("state").type);
  EXPECT_EQ(state.kind, TypeKind::kEnum);
  EXPECT_THAT(state.enumerators, ElementsAre(std::pair<std::string, int64_t>("kOpen", 1),
                                             std::pair<std::string, int64_t>("kPaid", 7)));
  EXPECT_EQ(info().strip(member("payload").type).kind, TypeKind::kUnion);
}

TEST_P(DebugInfoShapes, PlacesBitFields) {
  const auto ref = info().find_type("shop::Pricing");
  ASSERT_TRUE(ref);
  const Type pricing = info().type(*ref);
  ASSERT_EQ(pricing.members.size(), 4u);
  const auto start = [](const Member& m) { return m.offset * 8 + m.bit_offset; };
  EXPECT_EQ(start(pricing.members[1]), 64u);
  EXPECT_EQ(pricing.members[1].bit_size, 3u);
  EXPECT_EQ(start(pricing.members[2]), 67u);
  EXPECT_EQ(pricing.members[2].bit_size, 9u);
  EXPECT_EQ(pricing.members[3].bit_size, 0u);
  EXPECT_EQ(info().type_name(pricing.members[3].type), "const char*");
}

TEST_P(DebugInfoShapes, FindsGlobalsByAddress) {
  const auto global = info().global_at(symbol("_ZN4shop8registryE"));
  ASSERT_TRUE(global);
  EXPECT_EQ(global->name, "shop::registry");
  EXPECT_EQ(global->size, 8u);
  const auto inside = info().global_at(symbol("_ZN4shop4ringE") + 40);
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->name, "shop::ring");
  EXPECT_EQ(info().type_name(*inside->type), "shop::Ring<shop::Pricing, 4>");
  const Type ring = info().strip(*inside->type);
  ASSERT_EQ(ring.template_types.size(), 1u);
  EXPECT_EQ(ring.template_types[0].first, "T");
  EXPECT_EQ(info().type_name(ring.template_types[0].second), "shop::Pricing");
  const auto counter = info().global_at(symbol("_ZN4shop5Order7counterE"));
  ASSERT_TRUE(counter);
  EXPECT_EQ(counter->name, "shop::Order::counter");
}

TEST_P(DebugInfoShapes, WritesFunctionPointersAsInSource) {
  for (const auto& variable : info().variables_at(symbol("plain_c_name"))) {
    if (variable.name != "callback") continue;
    EXPECT_EQ(info().type_name(*variable.type), "int (*)(shop::Order*, int)");
    return;
  }
  FAIL() << "no parameter callback";
}

TEST_P(DebugInfoShapes, KnowsLanguageProducerAndFrameBase) {
  EXPECT_EQ(info().language(unit()), Language::kCxx);
  const bool clang = std::string_view(GetParam()).starts_with("clang");
  EXPECT_THAT(info().producer(unit()), HasSubstr(clang ? "clang" : "GNU C++"));
  const auto frame_base = info().frame_base(symbol("_ZN4shop5quoteEPKNS_5OrderEi"));
  ASSERT_TRUE(frame_base);
  EXPECT_FALSE(frame_base->empty());
}

TEST_P(DebugInfoShapes, FindsCallSites) {
  if (!has_call_sites()) GTEST_SKIP() << "strict DWARF 3 has none";
  // Some return address in quote() has one: it calls hidden().
  const uint64_t start = symbol("_ZN4shop5quoteEPKNS_5OrderEi");
  size_t found = 0;
  for (uint64_t pc = start; pc < start + 300; ++pc) {
    const auto site = info().call_site(pc);
    if (!site || !info().unit_at(pc)) continue;
    ++found;
    EXPECT_FALSE(site->parameters.empty());
    for (const auto& parameter : site->parameters) EXPECT_FALSE(parameter.value.empty());
  }
  EXPECT_GE(found, 1u);
}

TEST_P(DebugInfoShapes, GivesAFunctionsWholeTreeForTheIndex) {
  const uint64_t quote = symbol("_ZN4shop5quoteEPKNS_5OrderEi");
  const auto tree = info().function_tree(quote);
  ASSERT_GE(tree.size(), 3u);
  EXPECT_EQ(tree[0].parent, -1);
  EXPECT_EQ(tree[0].scope.name, "shop::quote");
  EXPECT_FALSE(tree[0].ranges.empty());
  // For every pc of the function the tree says what scopes_at says.
  for (const auto& [low, high] : tree[0].ranges) {
    for (uint64_t pc = low; pc < high; ++pc) {
      std::vector<std::string> chain;
      int32_t at = -1;
      for (size_t i = 0; i < tree.size(); ++i) {
        const bool covers = std::any_of(tree[i].ranges.begin(), tree[i].ranges.end(),
                                        [&](auto& r) { return r.first <= pc && pc < r.second; });
        if (tree[i].parent != at || !covers) continue;
        chain.insert(chain.begin(), tree[i].scope.name);
        at = static_cast<int32_t>(i);
      }
      EXPECT_EQ(chain, names(info().scopes_at(pc)));
    }
  }
}

TEST_P(DebugInfoShapes, NotesNothingWhenAllIsFound) {
  info().scopes_at(symbol("main"));
  EXPECT_THAT(info().notes(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Gcc, DebugInfoShapes,
                         ::testing::Values("gcc5", "gcc4", "gcc3", "zlib", "zstd", "oldz", "types4",
                                           "types5", "gcc5-64", "dwz"));
INSTANTIATE_TEST_SUITE_P(Split, DebugInfoShapes,
                         ::testing::Values("split4/shop", "split5/shop", "package4/shop",
                                           "package5/shop", "clang-split5"));
INSTANTIATE_TEST_SUITE_P(Clang, DebugInfoShapes, ::testing::Values("clang5", "clang4"));

TEST(DebugInfo, SaysWhatIsMissingWhenASplitFileIsGone) {
  const std::string path = path_of("package5/shop");
  if (!os::is_regular_file(path)) GTEST_SKIP();
  auto mapping = os::MappedFile::open(path);
  const auto elf = elf::File::parse(mapping->bytes());
  // Asked as another binary, whose package does not exist.
  auto info = DebugInfo::open(*elf, &*elf, nullptr, "/nowhere/shop");
  ASSERT_TRUE(info.ok());
  uint64_t main = 0;
  elf->for_each_symbol([&](const elf::Symbol& s) {
    if (s.name == "main") main = s.value;
    return true;
  });
  EXPECT_THAT((*info)->scopes_at(main), IsEmpty());
  EXPECT_TRUE((*info)->line_at(main));  // lines stay in the binary
  EXPECT_THAT((*info)->notes(), ElementsAre(HasSubstr("gone.dwo was not found")));
}

TEST(DebugInfo, ReadsTheVariantsOfRustEnums) {
  if (!os::is_regular_file(path_of("rust.so"))) GTEST_SKIP() << "not made on this machine";
  const auto opened = open_fixture("rust.so");
  uint64_t area = 0;
  opened->elf->for_each_symbol([&](const elf::Symbol& s) {
    if (s.name == "area") area = s.value;
    return area == 0;
  });
  const auto variables = opened->info->variables_at(area + 4);
  const auto named = [&](std::string_view name) {
    return *std::find_if(variables.begin(), variables.end(),
                         [&](const VariableInfo& v) { return v.name == name; });
  };
  EXPECT_EQ(opened->info->language(*opened->info->unit_at(area)), Language::kRust);
  EXPECT_THAT(opened->info->type_name(*named("shape").type),
              ::testing::MatchesRegex("&[a-z_]+::Shape"));
  const Type pointer = opened->info->type(*named("shape").type);
  EXPECT_EQ(pointer.kind, TypeKind::kPointer);
  const Type shape = opened->info->strip(*pointer.target);
  std::vector<std::string> variants;
  for (const Member& member : shape.members) {
    variants.push_back(member.name);
    EXPECT_TRUE(member.discriminant.has_value());
  }
  EXPECT_THAT(variants, ElementsAre("Circle", "Rect", "Nothing"));
  EXPECT_EQ(shape.discriminant_offset, 0u);
  ASSERT_TRUE(shape.discriminant_type);
  EXPECT_EQ(opened->info->type(*shape.discriminant_type).size, 4u);
  // Option<&u32> has a niche: None is 0, everything else is Some.
  const Type option = opened->info->strip(*named("boxed").type);
  ASSERT_EQ(option.members.size(), 2u);
  EXPECT_EQ(option.members[0].name, "None");
  EXPECT_EQ(option.members[0].discriminant, 0u);
  EXPECT_EQ(option.members[1].name, "Some");
  EXPECT_TRUE(option.members[1].is_default_variant);
}

TEST(DebugInfo, RefusesAFileWithoutDebugInformation) {
  auto mapping = os::MappedFile::open("/bin/true");
  ASSERT_TRUE(mapping.ok());
  const auto elf = elf::File::parse(mapping->bytes());
  ASSERT_TRUE(elf.ok());
  const auto info = DebugInfo::open(*elf, nullptr, nullptr, "/bin/true");
  ASSERT_FALSE(info.ok());
  EXPECT_EQ(info.error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace inquest::dwarf
