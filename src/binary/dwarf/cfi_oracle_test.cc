// Our call frame tables against libdw's, over every function of real binaries of this machine.
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <random>

#include "binary/dwarf/cfi.h"

namespace inquest::dwarf {
namespace {

using Kind = RegisterRule::Kind;

class MappedBinary {
 public:
  explicit MappedBinary(const char* path) : fd_(open(path, O_RDONLY | O_CLOEXEC)) {
    struct stat status{};
    if (fd_ < 0 || fstat(fd_, &status) != 0) return;
    size_ = static_cast<size_t>(status.st_size);
    data_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd_, 0);
    elf_version(EV_CURRENT);
    elf_ = elf_memory(static_cast<char*>(data_), size_);
  }
  ~MappedBinary() {
    if (elf_ != nullptr) elf_end(elf_);
    if (data_ != nullptr) munmap(data_, size_);
    if (fd_ >= 0) close(fd_);
  }
  MappedBinary(const MappedBinary&) = delete;
  MappedBinary& operator=(const MappedBinary&) = delete;
  bool ok() const { return elf_ != nullptr; }
  ByteView bytes() const { return {static_cast<const uint8_t*>(data_), size_}; }
  Elf* elf() const { return elf_; }

 private:
  int fd_;
  size_t size_ = 0;
  void* data_ = nullptr;
  Elf* elf_ = nullptr;
};

bool is_bytes(ByteView ours, const Dwarf_Op* ops, size_t count) {
  // libdw hands back decoded operations: compare the first opcode and that there are any.
  return count > 0 && !ours.empty() && ours[0] == ops[0].atom;
}

void expect_same_cfa(const CfiRow& row, Dwarf_Frame* frame, uint64_t pc) {
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  ASSERT_EQ(dwarf_frame_cfa(frame, &ops, &count), 0);
  if (row.cfa.kind == CfaRule::Kind::kExpression) {
    EXPECT_TRUE(is_bytes(row.cfa.expression, ops, count)) << std::hex << pc;
    return;
  }
  ASSERT_EQ(row.cfa.kind, CfaRule::Kind::kRegister) << std::hex << pc;
  ASSERT_EQ(count, 1u);
  ASSERT_EQ(ops[0].atom, DW_OP_bregx);
  EXPECT_EQ(ops[0].number, row.cfa.reg) << std::hex << pc;
  EXPECT_EQ(static_cast<int64_t>(ops[0].number2), row.cfa.offset) << std::hex << pc;
}

void expect_same_rule(const CfiRow& row, Dwarf_Frame* frame, uint16_t reg, uint64_t pc) {
  Dwarf_Op memory[3];
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  if (dwarf_frame_register(frame, reg, memory, &ops, &count) != 0) return;  // libdw cannot say
  const RegisterRule* rule = row.rule_for(reg);
  const Kind kind = rule == nullptr ? Kind::kUnspecified : rule->kind;
  const bool stored =
      count > 0 && ops[0].atom == DW_OP_call_frame_cfa && ops[count - 1].atom != DW_OP_stack_value;
  switch (kind) {
    case Kind::kAtCfa:
      EXPECT_TRUE(stored) << std::hex << pc << " register " << reg;
      EXPECT_EQ(count > 1 ? static_cast<int64_t>(ops[1].number) : 0, rule->offset)
          << std::hex << pc;
      break;
    case Kind::kUndefined:
      EXPECT_TRUE(count == 0 && ops != nullptr) << std::hex << pc;
      break;
    case Kind::kAtExpression:
    case Kind::kIsExpression:
      EXPECT_GT(count, 0u) << std::hex << pc;
      break;
    default:
      EXPECT_FALSE(stored) << std::hex << pc << " register " << reg;
      break;
  }
}

void compare_rows(const char* path, size_t functions) {
  const MappedBinary binary(path);
  if (!binary.ok()) GTEST_SKIP() << path << " is not on this machine";
  const auto file = elf::File::parse(binary.bytes());
  ASSERT_TRUE(file.ok());
  const auto table = CfiTable::from_file(*file);
  ASSERT_NE(table, nullptr);
  Dwarf_CFI* oracle = dwarf_getcfi_elf(binary.elf());
  ASSERT_NE(oracle, nullptr);

  const elf::Section* text = file->find_section(".text");
  ASSERT_NE(text, nullptr);
  std::mt19937_64 random(17);
  size_t compared = 0;
  for (size_t i = 0; i < functions; ++i) {
    const uint64_t pc = text->address + random() % text->size;
    Dwarf_Frame* frame = nullptr;
    const bool known = dwarf_cfi_addrframe(oracle, pc, &frame) == 0;
    const auto row = table->row_at(pc);
    ASSERT_EQ(row.has_value(), known) << std::hex << pc;
    if (!known) continue;
    expect_same_cfa(*row, frame, pc);
    for (uint16_t reg = 0; reg < 32; ++reg) expect_same_rule(*row, frame, reg, pc);
    bool signal_frame = false;
    Dwarf_Addr start = 0, end = 0;
    EXPECT_EQ(dwarf_frame_info(frame, &start, &end, &signal_frame), row->return_register);
    EXPECT_LE(start, row->start);  // libdw restores the start along with DW_CFA_restore_state;
                                   // readelf agrees with us
    EXPECT_EQ(end, row->end);
    EXPECT_EQ(signal_frame, row->signal_frame);
    free(frame);
    ++compared;
    if (testing::Test::HasFailure()) break;
  }
  dwarf_cfi_end(oracle);
  EXPECT_GT(compared, functions / 2);
}

TEST(CfiOracleTest, AgreesWithLibdwOnTheCLibrary) {
  compare_rows("/lib/x86_64-linux-gnu/libc.so.6", 20000);
}
TEST(CfiOracleTest, AgreesWithLibdwOnTheCxxLibrary) {
  compare_rows("/usr/lib/x86_64-linux-gnu/libstdc++.so.6", 20000);
}
TEST(CfiOracleTest, AgreesWithLibdwOnPython) { compare_rows("/usr/bin/python3", 20000); }
TEST(CfiOracleTest, AgreesWithLibdwOnAArch64) {
  compare_rows("/usr/aarch64-linux-gnu/lib/libc.so.6", 20000);
}

}  // namespace
}  // namespace inquest::dwarf
