// Our functions, inline chains and lines against libdw's, over code of this very test program and
// of the fixtures.
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "binary/dwarf/debug_info.h"
#include "platform/os/file.h"
#include "platform/os/mapped_file.h"

namespace inquest::dwarf {
namespace {

struct Chain {
  std::vector<std::string> functions;  // DW_AT_name, innermost first
  std::string file;
  uint32_t line = 0, column = 0;
  std::vector<uint32_t> call_lines;

  std::string text() const {
    std::string text = fmt::format("{}:{}:{}", file, line, column);
    for (const auto& function : functions) text += " " + function;
    for (const auto call : call_lines) text += fmt::format(" @{}", call);
    return text;
  }
};

// The unit that covers `pc` (its skeleton, when split) and the one with its contents. clang writes
// no .debug_aranges.
bool find_unit(Dwarf* dwarf, uint64_t pc, Dwarf_Die* unit, Dwarf_Die* full) {
  Dwarf_CU* cu = nullptr;
  Dwarf_Half version = 0;
  uint8_t type = 0;
  Dwarf_Die die;
  Dwarf_Die split;
  while (dwarf_get_units(dwarf, cu, &cu, &version, &type, &die, &split) == 0) {
    if (dwarf_haspc(&die, pc) != 1) continue;
    *unit = die;
    *full = type == DW_UT_skeleton && dwarf_tag(&split) != DW_TAG_invalid ? split : die;
    return true;
  }
  return false;
}

// libdw leaves a relative name of a DWARF 5 table as it stands; it is meant from the unit's
// directory.
std::string absolute(const std::string& file, Dwarf_Die unit) {
  Dwarf_Attribute attribute;
  const char* directory = dwarf_formstring(dwarf_attr(&unit, DW_AT_comp_dir, &attribute));
  if (file.starts_with('/') || directory == nullptr) return file;
  return std::string(directory) + "/" + file;
}

Chain ask_libdw(Dwarf* dwarf, uint64_t pc) {
  Chain chain;
  Dwarf_Die unit;
  Dwarf_Die full;
  if (!find_unit(dwarf, pc, &unit, &full)) return chain;
  Dwarf_Line* line = dwarf_getsrc_die(&unit, pc);
  int number = 0;
  int column = 0;
  if (line != nullptr) {
    const char* file = dwarf_linesrc(line, nullptr, nullptr);
    dwarf_lineno(line, &number);
    dwarf_linecol(line, &column);
    chain.file = file != nullptr ? absolute(file, unit) : "";
  }
  chain.line = static_cast<uint32_t>(number);
  chain.column = static_cast<uint32_t>(column);
  // dwarf_getscopes answers with the concrete instance's blocks and then its abstract surroundings;
  // walk the concrete tree.
  Dwarf_Die* scopes = nullptr;
  const int found = dwarf_getscopes(&full, pc, &scopes);
  Dwarf_Die* nested = nullptr;
  const int count = found > 0 ? dwarf_getscopes_die(&scopes[0], &nested) : 0;
  for (int i = 0; i < count; ++i) {
    const int tag = dwarf_tag(&nested[i]);
    if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine) continue;
    const char* name = dwarf_diename(&nested[i]);
    chain.functions.emplace_back(name != nullptr ? name : "");
    if (tag == DW_TAG_subprogram) break;
    Dwarf_Attribute attribute;
    Dwarf_Word call = 0;
    dwarf_formudata(dwarf_attr(&nested[i], DW_AT_call_line, &attribute), &call);
    chain.call_lines.push_back(static_cast<uint32_t>(call));
  }
  free(nested);
  free(scopes);
  return chain;
}

Chain ask_us(DebugInfo& info, uint64_t pc) {
  Chain chain;
  if (const auto line = info.line_at(pc)) {
    chain.file = line->file;
    chain.line = line->line;
    chain.column = line->column;
  }
  for (const auto& scope : info.scopes_at(pc, false)) {
    chain.functions.push_back(scope.name);
    if (scope.is_inlined) chain.call_lines.push_back(scope.call_line);
  }
  return chain;
}

// Compares about `samples` addresses spread over the code.
void compare(const std::string& path, uint64_t samples) {
  auto mapping = os::MappedFile::open(path);
  ASSERT_TRUE(mapping.ok()) << path;
  const auto elf = elf::File::parse(mapping->bytes());
  ASSERT_TRUE(elf.ok());
  auto info = DebugInfo::open(*elf, &*elf, nullptr, path);
  ASSERT_TRUE(info.ok());
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  Dwarf* dwarf = dwarf_begin(fd, DWARF_C_READ);
  ASSERT_NE(dwarf, nullptr);
  const auto* text = elf->find_section(".text");
  ASSERT_NE(text, nullptr);
  const uint64_t step = std::max<uint64_t>(text->size / samples, 1);
  size_t compared = 0;
  size_t with_inlines = 0;
  for (uint64_t pc = text->address; pc < text->address + text->size; pc += step) {
    const Chain theirs = ask_libdw(dwarf, pc);
    if (theirs.functions.empty()) continue;
    Chain ours = ask_us(**info, pc);
    // libdw leaves a name relative to the unit's directory as it is.
    if (!theirs.file.starts_with('/') && ours.file.ends_with("/" + theirs.file))
      ours.file = theirs.file;
    // Functions without a linkage name are qualified by us.
    for (size_t i = 0; i < std::min(ours.functions.size(), theirs.functions.size()); ++i) {
      if (ours.functions[i].ends_with("::" + theirs.functions[i]))
        ours.functions[i] = theirs.functions[i];
    }
    ASSERT_EQ(ours.text(), theirs.text()) << path << fmt::format(" at {:#x}", pc);
    ++compared;
    with_inlines += !ours.call_lines.empty();
  }
  EXPECT_GT(compared, 20u);
  EXPECT_GT(with_inlines, 0u);
  dwarf_end(dwarf);
  close(fd);
}

TEST(DebugInfoOracle, AgreesWithLibdwOnThisProgram) { compare("/proc/self/exe", 300); }

class DebugInfoOracleShapes : public ::testing::TestWithParam<const char*> {};

TEST_P(DebugInfoOracleShapes, AgreesWithLibdwOnEveryByteOfCode) {
  const std::string path = std::string(INQUEST_FIXTURES "/") + GetParam();
  if (!os::is_regular_file(path)) GTEST_SKIP() << "not made on this machine";
  compare(path, 1 << 20);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, DebugInfoOracleShapes,
                         ::testing::Values("gcc5", "gcc4", "gcc3", "zlib", "oldz", "types4",
                                           "types5", "gcc5-64", "split4/shop", "split5/shop",
                                           "clang5", "clang4", "clang-split5"));

}  // namespace
}  // namespace inquest::dwarf
