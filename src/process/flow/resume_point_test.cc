#include "process/flow/resume_point.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace inquest::process {
namespace {

constexpr Address kCode(0x1000), kFrame(0x8000);

class CodeAndFrame final : public MemoryReader {
 public:
  CodeAndFrame(Bytes code, Bytes frame) : code_(std::move(code)), frame_(std::move(frame)) {}
  ByteView view(Address address, uint64_t max) const override {
    for (const auto& [start, bytes] : {std::pair(kCode, &code_), std::pair(kFrame, &frame_)}) {
      if (address < start || address - start >= bytes->size()) continue;
      const uint64_t offset = address - start;
      return ByteView(*bytes).subspan(offset, std::min<uint64_t>(max, bytes->size() - offset));
    }
    return {};
  }
  Missing why_missing(Address address) const override {
    return view(address, 1).empty() ? Missing::kUnmapped : Missing::kNone;
  }

 private:
  Bytes code_, frame_;
};

// Where in the code, or -1.
int64_t resume_point(isa::Arch arch, const Bytes& code, uint64_t offset, uint8_t number,
                     size_t frame_size = 64) {
  Bytes frame(frame_size);
  if (offset < frame.size()) frame[offset] = number;
  const CodeAndFrame memory(code, frame);
  const auto found = find_resume_point(arch, memory, kCode, kFrame);
  return found.empty() ? -1 : static_cast<int64_t>(found.front() - kCode);
}

// As gcc dispatches:
//   0 push rbx; mov rbx, rdi; movzx eax, word [rdi+0x34]; test al, 1; je e; ud2
//   e cmp ax, 4; je 1d; ja 1f; test ax, ax; je 21; ud2
//  1d jmp 29   1f ud2   21 mov qword [rbx+0x20], 0
//  29 mov rax, [rbx+0x20]; cmp rax, 7; je 21; mov [rbx+0x28], rax; ret
const Bytes kComparisons = {0x53, 0x48, 0x89, 0xfb, 0x0f, 0xb7, 0x47, 0x34, 0xa8, 0x01, 0x74, 0x02,
                            0x0f, 0x0b, 0x66, 0x83, 0xf8, 0x04, 0x74, 0x09, 0x77, 0x09, 0x66, 0x85,
                            0xc0, 0x74, 0x06, 0x0f, 0x0b, 0xeb, 0x0a, 0x0f, 0x0b, 0x48, 0xc7, 0x43,
                            0x20, 0x00, 0x00, 0x00, 0x00, 0x48, 0x8b, 0x43, 0x20, 0x48, 0x83, 0xf8,
                            0x07, 0x74, 0xee, 0x48, 0x89, 0x43, 0x28, 0xc3};

TEST(ResumePoint, IsFoundThroughComparisons) {
  EXPECT_EQ(resume_point(isa::Arch::kX86_64, kComparisons, 0x34, 0), 0x21);
  EXPECT_EQ(resume_point(isa::Arch::kX86_64, kComparisons, 0x34, 4), 0x29);
}

TEST(ResumePoint, IsNoneForANumberThatTheCodeDoesNotKnow) {
  EXPECT_EQ(resume_point(isa::Arch::kX86_64, kComparisons, 0x34, 1), -1);
  EXPECT_EQ(resume_point(isa::Arch::kX86_64, kComparisons, 0x34, 2), -1);
  EXPECT_EQ(resume_point(isa::Arch::kX86_64, kComparisons, 0x34, 6), -1);
}

TEST(ResumePoint, IsNoneWhereTheNumberIsNotThere) {
  EXPECT_EQ(resume_point(isa::Arch::kX86_64, kComparisons, 0x34, 0, 0x34), -1);
}

// As clang dispatches, without optimisation:
//   0 push rbp; mov rbp, rsp; sub rsp, 0x40; mov [rbp-8], rdi; mov rax, [rbp-8]
//  10 movzx eax, byte [rax+0x18]; mov [rbp-0x10], rax; mov rax, [rbp-0x10]; lea rcx, [rip+0x12]
//  23 movsxd rax, dword [rcx+rax*4]; add rax, rcx; jmp rax
//  2c ret   2d call 2c   32 mov byte [rdi], 1   35 the table
const Bytes kTable = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x40, 0x48, 0x89, 0x7d, 0xf8, 0x48,
                      0x8b, 0x45, 0xf8, 0x0f, 0xb6, 0x40, 0x18, 0x48, 0x89, 0x45, 0xf0, 0x48, 0x8b,
                      0x45, 0xf0, 0x48, 0x8d, 0x0d, 0x12, 0x00, 0x00, 0x00, 0x48, 0x63, 0x04, 0x81,
                      0x48, 0x01, 0xc8, 0xff, 0xe0, 0xc3, 0xe8, 0xfa, 0xff, 0xff, 0xff, 0xc6, 0x07,
                      0x01, 0xf7, 0xff, 0xff, 0xff, 0xf8, 0xff, 0xff, 0xff, 0xfd, 0xff, 0xff, 0xff};

TEST(ResumePoint, IsFoundThroughATable) {
  EXPECT_EQ(resume_point(isa::Arch::kX86_64, kTable, 0x18, 0), 0x2c);
  EXPECT_EQ(resume_point(isa::Arch::kX86_64, kTable, 0x18, 1), 0x2d);
  EXPECT_EQ(resume_point(isa::Arch::kX86_64, kTable, 0x18, 2), 0x32);
}

TEST(ResumePoint, IsNoneOutsideOfTheTable) {
  EXPECT_EQ(resume_point(isa::Arch::kX86_64, kTable, 0x18, 200), -1);
}

//  0 stp x29, x30, [sp, #-32]!; mov x29, sp; mov x19, x0; ldrh w0, [x0, #48]; tbz w0, #0, 18; brk
// 18 cmp w0, #6; b.eq 34; b.hi 30; cbnz w0, 2c; brk   2c str x19, [x19]   30 brk
// 34 b 3c; nop   3c ldr x1, [x19, #8]; blr x1
const Bytes kAArch64 = {0xfd, 0x7b, 0xbe, 0xa9, 0xfd, 0x03, 0x00, 0x91, 0xf3, 0x03, 0x00, 0xaa,
                        0x00, 0x60, 0x40, 0x79, 0x40, 0x00, 0x00, 0x36, 0x00, 0x7d, 0x20, 0xd4,
                        0x1f, 0x18, 0x00, 0x71, 0xc0, 0x00, 0x00, 0x54, 0x88, 0x00, 0x00, 0x54,
                        0x40, 0x00, 0x00, 0x35, 0x20, 0x00, 0x20, 0xd4, 0x73, 0x02, 0x00, 0xf9,
                        0x40, 0x00, 0x20, 0xd4, 0x02, 0x00, 0x00, 0x14, 0x1f, 0x20, 0x03, 0xd5,
                        0x61, 0x06, 0x40, 0xf9, 0x20, 0x00, 0x3f, 0xd6};

TEST(ResumePoint, IsFoundOnAArch64) {
  EXPECT_EQ(resume_point(isa::Arch::kAArch64, kAArch64, 48, 2), 0x2c);
  EXPECT_EQ(resume_point(isa::Arch::kAArch64, kAArch64, 48, 6), 0x3c);
  EXPECT_EQ(resume_point(isa::Arch::kAArch64, kAArch64, 48, 0), -1);
  EXPECT_EQ(resume_point(isa::Arch::kAArch64, kAArch64, 48, 7), -1);
}

TEST(ResumePoint, IsNoneWithoutAJumpByANumber) {
  EXPECT_EQ(resume_point(isa::Arch::kX86_64, {0x48, 0x89, 0x7f, 0x10, 0xc3}, 0x34, 0), -1);
  EXPECT_EQ(resume_point(isa::Arch::kX86_64, {0xeb, 0xfe}, 0x34, 0), -1);  // jmp to itself
  EXPECT_EQ(resume_point(isa::Arch::kX86_64, {}, 0x34, 0), -1);
}

}  // namespace
}  // namespace inquest::process
