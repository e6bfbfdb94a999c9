// Exact expectations for x86-64: the bytes were assembled with GNU as 2.40, the right sides checked
// by hand against the Intel SDM volume 2.
#include <gtest/gtest.h>

#include <string_view>

#include "binary/isa/describe.h"
#include "binary/isa/hex_test_util.h"

namespace inquest::isa {
namespace {

constexpr Address kPc{0x401000};

struct Row {
  std::string_view bytes;
  std::string_view expected;
};

constexpr Row kRows[] = {
    {"50", "push rax | implicit write 8 [rsp-0x8] | r:rax,rsp w:rsp"},
    {"6650", "push ax | implicit write 2 [rsp-0x2] | r:rax,rsp w:rsp"},
    {"ff7708",
     "push qword ptr [rdi+0x8] | read 8 [rdi+0x8] | implicit write 8 [rsp-0x8] | r:rdi,rsp w:rsp"},
    {"8f442408",
     "pop qword ptr [rsp+0x8] | write 8 [rsp+0x10] | implicit read 8 [rsp] | r:rsp w:rsp"},
    {"8f0424", "pop qword ptr [rsp] | write 8 [rsp+0x8] | implicit read 8 [rsp] | r:rsp w:rsp"},
    {"ff5018",
     "call qword ptr [rax+0x18] | call via memory | read 8 [rax+0x18] | implicit write 8 [rsp-0x8] "
     "| r:rax,rsp w:rsp"},
    {"ffd0", "call rax | call via rax | implicit write 8 [rsp-0x8] | r:rax,rsp w:rsp"},
    {"c3", "ret | return | implicit read 8 [rsp] | r:rsp w:rsp"},
    {"c21000", "ret 0x10 | return | implicit read 8 [rsp] | r:rsp w:rsp"},
    {"c8200000", "enter 0x20, 0x0 | implicit write 8 [rsp-0x8] | r:rbp,rsp w:rbp,rsp"},
    {"c8200003",
     "enter 0x20, 0x3 | implicit write 32 [rsp-0x20] | implicit read 16 [rbp-0x10] | r:rbp,rsp "
     "w:rbp,rsp"},
    {"c9", "leave | implicit read 8 [rbp] | r:rbp,rsp w:rbp,rsp | = memory:64"},
    {"f3a4",
     "rep movsb | implicit write 0 [rdi] | implicit read 0 [rsi] | r:rdi,rsi,rcx w:rdi,rsi,rcx"},
    {"f348ab", "rep stosq | implicit write 0 [rdi] | r:rdi,rax,rcx w:rdi,rcx"},
    {"f2ae", "repne scasb | implicit read 0 [rdi] | r:rax,rdi,rcx w:rdi,rcx"},
    {"a6", "cmpsb | implicit read 1 [rsi] | implicit read 1 [rdi] | r:rsi,rdi w:rsi,rdi"},
    {"ad", "lodsd | implicit read 4 [rsi] | r:rsi w:rax,rsi"},
    {"67aa", "stosb | implicit write 1 [rdi]32 | r:rdi,rax w:rdi"},
    {"9c", "pushfq | implicit write 8 [rsp-0x8] | r:rsp w:rsp"},
    {"9d", "popfq | implicit read 8 [rsp] | r:rsp w:rsp"},
    {"d7", "xlat | implicit read 0 [rbx] inexact | r:rbx,rax w:rax"},
    {"0fae27", "xsave [rdi] | read-write 0 [rdi] align 64 | r:rdi,rdx,rax | needs XSAVE"},
    {"0fc727", "xsavec [rdi] | write 0 [rdi] align 64 | r:rdi,rdx,rax | needs XSAVEC"},
    {"0fae2f", "xrstor [rdi] | read 0 [rdi] align 64 | r:rdi,rdx,rax | needs XSAVE"},
    {"0fae07", "fxsave [rdi] | write 512 [rdi] align 16 | r:rdi"},
    {"0fae0f", "fxrstor [rdi] | read 512 [rdi] align 16 | r:rdi"},
    {"dd37", "fnsave [rdi] | write 108 [rdi] | r:rdi"},
    {"d937", "fnstenv [rdi] | write 28 [rdi] | r:rdi"},
    {"d927", "fldenv [rdi] | read 28 [rdi] | r:rdi"},
    {"db28", "fld tbyte ptr [rax] | read 10 [rax] | r:rax"},
    {"660ff7c1", "maskmovdqu xmm0, xmm1 | implicit write 16 [rdi] | r:rdi"},
    {"c4e2752e17", "vmaskmovps ymmword ptr [rdi], ymm1, ymm2 | write 32 [rdi] | r:rdi | needs AVX"},
    {"c4e26d2c0f", "vmaskmovps ymm1, ymm2, ymmword ptr [rdi] | read 32 [rdi] | r:rdi | needs AVX"},
    {"c4e26d920488",
     "vgatherdps ymm0, dword ptr [rax+ymm1*4], ymm2 | read 0 [rax] inexact | r:rax | needs AVX2"},
    {"62f27d49a01488",
     "vpscatterdd dword ptr [rax+zmm1*4] {k1}, zmm2 | write 0 [rax] inexact | r:rax | needs "
     "AVX512F"},
    {"62f17f497f1f",
     "vmovdqu8 zmmword ptr [rdi] {k1}, zmm3 | write 64 [rdi] | r:rdi | needs AVX512BW"},
    {"62f17d207407",
     "vpcmpeqb k0, ymm16, ymmword ptr [rdi] | read 32 [rdi] | r:rdi | needs AVX512BW"},
    {"c4e27d1807", "vbroadcastss ymm0, dword ptr [rdi] | read 4 [rdi] | r:rdi | needs AVX"},
    {"62f174585807",
     "vaddps zmm0, zmm1, dword ptr [rdi] {1to16} | read 4 [rdi] | r:rdi | needs AVX512F"},
    {"62f17c482807",
     "vmovaps zmm0, zmmword ptr [rdi] | read 64 [rdi] align 64 | r:rdi | needs AVX512F"},
    {"c4e2792a07",
     "vmovntdqa xmm0, xmmword ptr [rdi] | read 16 [rdi] align 16 | r:rdi | needs AVX"},
    {"62f27d498b07",
     "vpcompressd zmmword ptr [rdi] {k1}, zmm0 | write 64 [rdi] | r:rdi | needs AVX512F"},
    {"f0480fc70f",
     "lock cmpxchg16b xmmword ptr [rdi] | read-write 16 [rdi] align 16 | r:rdi,rdx,rax,rcx,rbx "
     "w:rdx,rax | needs CX16"},
    {"f0480fb137", "lock cmpxchg qword ptr [rdi], rsi | read-write 8 [rdi] | r:rdi,rsi,rax w:rax"},
    {"8607", "xchg byte ptr [rdi], al | read-write 1 [rdi] | r:rdi,rax w:rax"},
    {"0f1f0400", "nop dword ptr [rax+rax*1], eax"},
    {"0f180f", "prefetcht0 byte ptr [rdi] | r:rdi"},
    {"660fae37", "clwb zmmword ptr [rdi] | read 1 [rdi] | r:rdi | needs CLWB"},
    {"0fae3f", "clflush zmmword ptr [rdi] | read 1 [rdi] | r:rdi"},
    {"f30f1efa", "endbr64"},
    {"0fa307", "bt dword ptr [rdi], eax | read 0 [rdi] inexact | r:rdi,rax"},
    {"480fab07", "bts qword ptr [rdi], rax | read-write 0 [rdi] inexact | r:rdi,rax"},
    {"648b042528000000",
     "mov eax, dword ptr fs:[0x28] | read 4 [fs_base:+0x28] | w:rax | = memory:32"},
    {"64488b042500000000", "mov rax, qword ptr fs:[0x0] | read 8 [fs_base:] | w:rax | = memory:64"},
    {"a08877665544332211",
     "mov al, byte ptr [0x1122334455667788] | read 1 [+0x1122334455667788] | r:rax w:rax"},
    {"8b0510000000", "mov eax, dword ptr [rip+0x10] | read 4 [rip+0x10] | w:rax | = memory:32"},
    {"678b0510000000", "mov eax, dword ptr [eip+0x10] | read 4 [rip+0x10]32 | w:rax | = memory:32"},
    {"678b04b7",
     "mov eax, dword ptr [edi+esi*4] | read 4 [rdi+rsi.zx*4]32 | r:rdi,rsi w:rax | = memory:32"},
    {"0fae17", "ldmxcsr dword ptr [rdi] | read 4 [rdi] | r:rdi"},
    {"0f28442420", "movaps xmm0, xmmword ptr [rsp+0x20] | read 16 [rsp+0x20] align 16 | r:rsp"},
    {"660ffe07", "paddd xmm0, xmmword ptr [rdi] | read 16 [rdi] align 16 | r:rdi"},
    {"660f3a630701",
     "pcmpistri xmm0, xmmword ptr [rdi], 0x1 | read 16 [rdi] | r:rdi w:rcx | needs SSE4.2"},
    {"660fd007", "addsubpd xmm0, xmmword ptr [rdi] | read 16 [rdi] align 16 | r:rdi | needs SSE3"},
    {"f30fe607", "cvtdq2pd xmm0, qword ptr [rdi] | read 8 [rdi] | r:rdi"},
    {"660f6007", "punpcklbw xmm0, xmmword ptr [rdi] | read 16 [rdi] align 16 | r:rdi"},
    {"f20ff007", "lddqu xmm0, xmmword ptr [rdi] | read 16 [rdi] | r:rdi | needs SSE3"},
    {"f20f1007", "movsd xmm0, qword ptr [rdi] | read 8 [rdi] | r:rdi"},
    {"f30f5807", "addss xmm0, dword ptr [rdi] | read 4 [rdi] | r:rdi"},
    {"0f0107", "sgdt tbyte ptr [rdi] | write 10 [rdi] | r:rdi"},
    {"ec", "in al, dx | r:rax,rdx w:rax | privileged"},
    {"fa", "cli | privileged"},
    {"0f01f9", "rdtscp | w:rax,rdx,rcx | needs RDTSCP"},
    {"f737",
     "div dword ptr [rdi] | read 4 [rdi] | r:rdi,rax,rdx w:rax,rdx | divides by 32 bits of memory"},
    {"f7f9", "idiv ecx | r:rcx,rax,rdx w:rax,rdx | divides by 32 bits of rcx"},
    {"0f0b", "ud2 | trap"},
    {"cc", "int3 | trap"},
    {"cd80", "int 0x80 | syscall"},
    {"0f05", "syscall | syscall | w:rcx,r11"},
    {"f4", "hlt | trap | privileged"},
    {"f2ffe0", "bnd jmp rax | jump via rax | r:rax"},
    {"e3fe", "jrcxz 0x401000 | branch to 0x401000 | r:rcx"},
    {"c4e2635eca", "tdpbssd tmm1, tmm2, tmm3 | needs AMX_INT8"},
    {"c4e27b4b0c37",
     "tileloadd tmm1, [rdi+rsi*1] | read 0 [rdi+rsi*1] | r:rdi,rsi | needs AMX_TILE"},
    {"0f013f", "invlpg byte ptr [rdi] | r:rdi | privileged"},
    {"0f1c07", "cldemote byte ptr [rdi] | r:rdi"},
    {"0f01c8", "monitor | r:rax,rcx,rdx | privileged, needs MONITOR"},
    {"0f01fc", "clzero rax | r:rax | needs CLZERO"},
    {"660f38f807",
     "movdir64b rax, zmmword ptr [rdi] | read 64 [rdi] | implicit write 64 [rax] align 64 | "
     "r:rax,rdi | needs MOVDIR"},
    {"f3480faec0", "rdfsbase rax | w:rax | needs FSGSBASE"},
    {"c7f8faffffff", "xbegin 0x401000 | branch to 0x401000 | r:rax w:rax | needs RTM"},
    {"0f1a07", "bndldx bnd0, [rdi] | r:rdi"},
    {"0f38c907", "sha1msg1 xmm0, xmmword ptr [rdi] | read 16 [rdi] align 16 | r:rdi | needs SHA"},
    {"0f2b07", "movntps xmmword ptr [rdi], xmm0 | write 16 [rdi] align 16 | r:rdi"},
    {"660fe707", "movntdq xmmword ptr [rdi], xmm0 | write 16 [rdi] align 16 | r:rdi"},
    {"c5fde707", "vmovntdq ymmword ptr [rdi], ymm0 | write 32 [rdi] align 32 | r:rdi | needs AVX"},
    {"0f38f007", "movbe eax, dword ptr [rdi] | read 4 [rdi] | r:rdi w:rax | needs MOVBE"},
    {"0f4507", "cmovnz eax, dword ptr [rdi] | read 4 [rdi] | r:rax,rdi w:rax"},
    {"0f9507", "setnz byte ptr [rdi] | write 1 [rdi] | r:rdi"},
    {"f2480f2a07", "cvtsi2sd xmm0, qword ptr [rdi] | read 8 [rdi] | r:rdi"},
    {"0f1607", "movhps xmm0, qword ptr [rdi] | read 8 [rdi] | r:rdi"},
    {"df0f", "fisttp word ptr [rdi] | write 2 [rdi] | r:rdi | needs SSE3"},
    {"480fae07", "fxsave64 [rdi] | write 512 [rdi] align 16 | r:rdi"},
    {"e2fe", "loop 0x401000 | branch to 0x401000 | r:rcx w:rcx"},
    {"48cf", "iretq | return | implicit read 40 [rsp] | r:rsp w:rsp"},
    {"8ed8", "mov ds, ax | r:rax"},
    {"668cd8", "mov ax, ds | r:rax w:rax"},
    {"0f0117", "lgdt tbyte ptr [rdi] | read 10 [rdi] | r:rdi | privileged"},
    {"0f0207", "lar eax, word ptr [rdi] | read 2 [rdi] | r:rax,rdi w:rax"},
    {"c74477f078563412",
     "mov dword ptr [rdi+rsi*2-0x10], 0x12345678 | write 4 [rdi+rsi*2-0x10] | r:rdi,rsi"},
    {"488d0500010000", "lea rax, [rip+0x100] | w:rax | = 0x401107, = &[rip+0x100]"},
    {"f30faef7", "umonitor rdi | r:rdi | needs WAITPKG"},
    {"f3480faee8", "incsspq rax | r:rax | needs CET_SS"},
    {"f20f38f107", "crc32 eax, dword ptr [rdi] | read 4 [rdi] | r:rax,rdi w:rax | needs SSE4.2"},
    {"4883c480", "add rsp, 0xffffffffffffff80 | r:rsp w:rsp | = &[rsp-0x80]"},
    {"4881ec00100000", "sub rsp, 0x1000 | r:rsp w:rsp | = &[rsp-0x1000]"},
    {"b8ffffffff", "mov eax, 0xffffffff | w:rax | = 0xffffffff"},
    {"48c7c0ffffffff", "mov rax, 0xffffffffffffffff | w:rax | = 0xffffffffffffffff"},
    {"48b8f0debc9a78563412", "mov rax, 0x123456789abcdef0 | w:rax | = 0x123456789abcdef0"},
    {"8b4738", "mov eax, dword ptr [rdi+0x38] | read 4 [rdi+0x38] | r:rdi w:rax | = memory:32"},
    {"0fb608", "movzx ecx, byte ptr [rax] | read 1 [rax] | r:rax w:rcx | = memory:8"},
    {"4863148e",
     "movsxd rdx, dword ptr [rsi+rcx*4] | read 4 [rsi+rcx*4] | r:rsi,rcx w:rdx | = memory:32 sx "
     "64"},
    {"0fbf0500010000",
     "movsx eax, word ptr [rip+0x100] | read 2 [rip+0x100] | w:rax | = memory:16 sx 32"},
    {"4889f7", "mov rdi, rsi | r:rsi w:rdi | = rsi:64"},
    {"89f7", "mov edi, esi | r:rsi w:rdi | = rsi:32"},
    {"0fb6c1", "movzx eax, cl | r:rcx w:rax | = rcx:8"},
    {"0fb6c5", "movzx eax, ch | r:rcx w:rax"},
    {"8a07", "mov al, byte ptr [rdi] | read 1 [rdi] | r:rax,rdi w:rax"},
    {"31c0", "xor eax, eax | w:rax | = 0x0"},
    {"4829c9", "sub rcx, rcx | w:rcx | = 0x0"},
    {"31c8", "xor eax, ecx | r:rax,rcx w:rax"},
    {"488d44f7f8", "lea rax, [rdi+rsi*8-0x8] | r:rdi,rsi w:rax | = &[rdi+rsi*8-0x8]"},
    {"8d0437", "lea eax, [rdi+rsi*1] | r:rdi,rsi w:rax | = &[rdi+rsi*1]32"},
    {"4801f7", "add rdi, rsi | r:rdi,rsi w:rdi | = &[rdi+rsi*1]"},
    {"83c005", "add eax, 0x5 | r:rax w:rax | = &[rax+0x5]32"},
    {"48c1e003", "shl rax, 0x3 | r:rax w:rax | = &[+rax*8]"},
    {"83c8ff", "or eax, 0xffffffff | r:rax w:rax | = 0xffffffff"},
    {"83e000", "and eax, 0x0 | r:rax w:rax | = 0x0"},
    {"48ffc6", "inc rsi | r:rsi w:rsi | = &[rsi+0x1]"},
    {"5d", "pop rbp | implicit read 8 [rsp] | r:rsp w:rbp,rsp | = memory:64"},
    {"e800000000", "call 0x401005 | call to 0x401005 | implicit write 8 [rsp-0x8] | r:rsp w:rsp"},
    {"ff25e22f0000", "jmp qword ptr [rip+0x2fe2] | jump via memory | read 8 [rip+0x2fe2]"},
    {"ff24c520400000",
     "jmp qword ptr [rax*8+0x4020] | jump via memory | read 8 [+rax*8+0x4020] | r:rax"},
    {"74fe", "jz 0x401000 | branch to 0x401000"},
    {"3effe0", "notrack jmp rax | jump via rax | r:rax"},
    {"6548894808", "mov qword ptr gs:[rax+0x8], rcx | write 8 [gs_base:rax+0x8] | r:rax,rcx"},
    {"6a10", "push 0x10 | implicit write 8 [rsp-0x8] | r:rsp w:rsp"},
    {"660f38dc07", "aesenc xmm0, xmmword ptr [rdi] | read 16 [rdi] align 16 | r:rdi | needs AES"},
    {"c5f1fe07", "vpaddd xmm0, xmm1, xmmword ptr [rdi] | read 16 [rdi] | r:rdi | needs AVX"},
    {"c5fd6f07", "vmovdqa ymm0, ymmword ptr [rdi] | read 32 [rdi] align 32 | r:rdi | needs AVX"},
    {"c5fe6f07", "vmovdqu ymm0, ymmword ptr [rdi] | read 32 [rdi] | r:rdi | needs AVX"},
    {"660f6fc1", "movdqa xmm0, xmm1"},
    {"f30f7f07", "movdqu xmmword ptr [rdi], xmm0 | write 16 [rdi] | r:rdi"},
    {"f30fbcc1", "tzcnt eax, ecx | r:rcx w:rax | needs BMI1"},
    {"f3480fb807", "popcnt rax, qword ptr [rdi] | read 8 [rdi] | r:rdi w:rax | needs POPCNT"},
    {"c4e2e3f507", "pdep rax, rbx, qword ptr [rdi] | read 8 [rdi] | r:rbx,rdi w:rax | needs BMI2"},
    {"0fc7f0", "rdrand eax | w:rax | needs RDRAND"},
    {"cd29", "int 0x29 | trap | privileged"},
    {"c4e2e3f607",
     "mulx rax, rbx, qword ptr [rdi] | read 8 [rdi] | r:rdi,rdx w:rax,rbx | needs BMI2"},
    {"ff1f",
     "call far fword ptr [rdi] | call via memory | read 6 [rdi] | implicit write 8 [rsp-0x8] | "
     "r:rdi,rsp w:rsp"},
    {"0fb907", "ud1 eax, dword ptr [rdi] | trap | r:rax,rdi"},
    {"c5f877", "vzeroupper | needs AVX"},
    {"0f01d0", "xgetbv | r:rcx w:rdx,rax | needs XSAVE"},
    {"f3480faec0", "rdfsbase rax | w:rax | needs FSGSBASE"},
    {"54", "push rsp | implicit write 8 [rsp-0x8] | r:rsp w:rsp"},
    {"5c", "pop rsp | implicit read 8 [rsp] | r:rsp w:rsp | = memory:64"},
    {"0f94c0", "setz al | r:rax w:rax"},
    {"486bc718", "imul rax, rdi, 0x18 | r:rdi w:rax"},
    {"48f7e9", "imul rcx | r:rcx,rax w:rax,rdx"},
    {"f727", "mul dword ptr [rdi] | read 4 [rdi] | r:rdi,rax w:rax,rdx"},
    {"48f77f08",
     "idiv qword ptr [rdi+0x8] | read 8 [rdi+0x8] | r:rdi,rax,rdx w:rax,rdx | divides by 64 bits "
     "of memory"},
    {"40f6f7", "div dil | r:rdi,rax w:rax | divides by 8 bits of rdi"},
    {"6e", "outsb | implicit read 1 [rsi] | r:rdx,rsi w:rsi | privileged"},
    {"0fc107", "xadd dword ptr [rdi], eax | read-write 4 [rdi] | r:rdi,rax w:rax"},
    {"f048830701", "lock add qword ptr [rdi], 0x1 | read-write 8 [rdi] | r:rdi"},
    {"0fc70f", "cmpxchg8b qword ptr [rdi] | read-write 8 [rdi] | r:rdi,rdx,rax,rcx,rbx w:rdx,rax"},
    {"f0480fba2f03", "lock bts qword ptr [rdi], 0x3 | read-write 8 [rdi] | r:rdi"},
    {"d907", "fld dword ptr [rdi] | read 4 [rdi] | r:rdi"},
    {"df3f", "fistp qword ptr [rdi] | write 8 [rdi] | r:rdi"},
    {"f30f7e07", "movq xmm0, qword ptr [rdi] | read 8 [rdi] | r:rdi"},
    {"66480f7ec0", "movq rax, xmm0 | w:rax"},
    {"c4e1f8900f", "kmovq k1, qword ptr [rdi] | read 8 [rdi] | r:rdi | needs AVX512BW"},
    {"c4e27d7807", "vpbroadcastb ymm0, byte ptr [rdi] | read 1 [rdi] | r:rdi | needs AVX2"},
    {"62f1fec96f4701",
     "vmovdqu64 zmm0 {k1} {z}, zmmword ptr [rdi+0x40] | read 64 [rdi+0x40] | r:rdi | needs "
     "AVX512F"},
};

TEST(X86Decode, SaysWhatEachInstructionReadsWritesAndGoesTo) {
  for (const Row& row : kRows) {
    EXPECT_EQ(describe(Arch::kX86_64, from_hex(row.bytes), kPc), row.expected) << row.bytes;
  }
}

TEST(X86Decode, LengthIsThatOfTheFirstInstruction) {
  const auto in = decode(Arch::kX86_64, from_hex("8b4738c3"), kPc);
  ASSERT_TRUE(in.ok());
  EXPECT_EQ(in->length, 3);
  EXPECT_EQ(in->mnemonic, "mov");
  EXPECT_EQ(in->next_pc(), Address(0x401003));
}

TEST(X86Decode, EveryCutOfAnInstructionIsTruncated) {
  const Bytes whole = from_hex("48b8f0debc9a78563412");
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto in = decode(Arch::kX86_64, ByteView(whole).first(size), kPc);
    ASSERT_FALSE(in.ok());
    EXPECT_EQ(in.error().code(), ErrorCode::kTruncated);
  }
}

TEST(X86Decode, InvalidAndTooNewAreToldApart) {
  EXPECT_EQ(describe(Arch::kX86_64, from_hex("06"), kPc), "error: corrupt");
  EXPECT_EQ(describe(Arch::kX86_64, from_hex("0fff0f0f0f0f"), kPc).substr(0, 3), "ud0");
  EXPECT_EQ(describe(Arch::kX86_64, from_hex("d5188b0700000000"), kPc), "error: unsupported");
  EXPECT_EQ(describe(Arch::kX86_64, from_hex("6666666666666666666666666666669090"), kPc),
            "error: corrupt");
}

Address address_of(std::string_view hex, const RegisterFile& registers) {
  const auto in = decode(Arch::kX86_64, from_hex(hex), kPc);
  return in->memory.at(0).effective_address(registers, in->next_pc()).value_or(Address(0xbad));
}

TEST(X86EffectiveAddress, AddsBaseIndexScaleAndDisplacement) {
  RegisterFile registers(Arch::kX86_64);
  registers.set(x86::kRdi, 0x1000);
  registers.set(x86::kRsi, 0x10);
  registers.set(x86::kRsp, 0x7ffe'0000);
  registers.set(x86::kFsBase, 0x7f00'0000'0000);
  EXPECT_EQ(address_of("c74477f078563412", registers), Address(0x1010));  // [rdi+rsi*2-0x10]
  EXPECT_EQ(address_of("8b0510000000", registers), Address(0x401016));    // [rip+0x10]
  EXPECT_EQ(address_of("648b042528000000", registers), Address(0x7f00'0000'0028));
  EXPECT_EQ(address_of("50", registers), Address(0x7ffd'fff8));  // push writes below rsp
}

TEST(X86EffectiveAddress, ThirtyTwoBitAddressesWrapAt4GiB) {
  RegisterFile registers(Arch::kX86_64);
  registers.set(x86::kRdi, 0xdead'0000'ffff'fff0);
  registers.set(x86::kRsi, 0xdead'0000'0000'0008);
  EXPECT_EQ(address_of("678b04b7", registers), Address(0x10));  // [edi+esi*4]
}

TEST(X86EffectiveAddress, AnUnknownRegisterGivesNoAddress) {
  RegisterFile registers(Arch::kX86_64);
  registers.set(x86::kRdi, 0x1000);
  const auto in = decode(Arch::kX86_64, from_hex("c74477f078563412"), kPc);
  EXPECT_FALSE(in->memory.at(0).effective_address(registers, in->next_pc()));
}

TEST(X86EffectiveAddress, GathersAndBitStringsHaveNone) {
  RegisterFile registers(Arch::kX86_64);
  registers.set(x86::kRax, 0x1000);
  registers.set(x86::kRdi, 0x1000);
  for (std::string_view hex : {"c4e26d920488", "0fa307"}) {
    const auto in = decode(Arch::kX86_64, from_hex(hex), kPc);
    EXPECT_FALSE(in->memory.at(0).effective_address(registers, in->next_pc())) << hex;
  }
}

TEST(X86DataFlow, ExtendsCopiesAsTheInstructionDoes) {
  const auto extended = [](std::string_view hex, uint64_t source) {
    return decode(Arch::kX86_64, from_hex(hex), kPc)->extended(source);
  };
  EXPECT_EQ(extended("89f7", 0xffff'ffff'8000'0000), 0x8000'0000);  // mov edi, esi
  EXPECT_EQ(extended("4889f7", 0xffff'ffff'8000'0000), 0xffff'ffff'8000'0000);
  EXPECT_EQ(extended("4863148e", 0x8000'0000), 0xffff'ffff'8000'0000);  // movsxd rdx, [m]
  EXPECT_EQ(extended("0fbf0500010000", 0x1'8000), 0xffff'8000);         // movsx eax, word [m]
  EXPECT_EQ(extended("0fb6c1", 0x1ff), 0xff);                           // movzx eax, cl
}

bool after_call(std::string_view hex) {
  return follows_call(Arch::kX86_64, from_hex(hex), Address(0x401100));
}

TEST(X86DataFlow, TestsSomeBits) {
  const auto test = decode(Arch::kX86_64, from_hex("a801"), kPc);  // test al, 1
  ASSERT_TRUE(test.ok() && test->compares);
  EXPECT_EQ(test->compares->left, x86::kRax);
  EXPECT_EQ(test->compares->mask, 1u);
  EXPECT_EQ(test->compares->right, 0u);
  const auto memory = decode(Arch::kX86_64, from_hex("f6472804"), kPc);  // test [rdi+40], 4
  ASSERT_TRUE(memory.ok() && memory->compares);
  EXPECT_FALSE(memory->compares->left);
  EXPECT_EQ(memory->compares->mask, 4u);
  const auto whole = decode(Arch::kX86_64, from_hex("85c0"), kPc);  // test eax, eax
  ASSERT_TRUE(whole.ok() && whole->compares);
  EXPECT_EQ(whole->compares->mask, ~uint64_t{0});
}

TEST(X86DataFlow, KeepsLowBits) {
  const auto low = decode(Arch::kX86_64, from_hex("83e007"), kPc);  // and eax, 7
  ASSERT_TRUE(low.ok());
  EXPECT_EQ(low->copy_of, x86::kRax);
  EXPECT_EQ(low->extended(0x1234567f), 7u);
  const auto high = decode(Arch::kX86_64, from_hex("4883e4f0"), kPc);  // and rsp, -16
  ASSERT_TRUE(high.ok());
  EXPECT_FALSE(high->copy_of);
}

TEST(X86FollowsCall, KnowsEveryFormOfNearCall) {
  EXPECT_TRUE(after_call("e800000000"));            // call rel32
  EXPECT_TRUE(after_call("ffd0"));                  // call rax
  EXPECT_TRUE(after_call("9041ffd4"));              // call r12
  EXPECT_TRUE(after_call("ff5018"));                // call [rax+0x18]
  EXPECT_TRUE(after_call("ff15e22f0000"));          // call [rip+0x2fe2]
  EXPECT_TRUE(after_call("64ff142510000000"));      // call fs:[0x10]
  EXPECT_TRUE(after_call("3effd0"));                // notrack call rax
  EXPECT_TRUE(after_call("8b0041ff94c4e0000000"));  // call [r12+rax*8+0xe0]
}

TEST(X86FollowsCall, RejectsWhatIsNoCall) {
  EXPECT_FALSE(after_call(""));
  EXPECT_FALSE(after_call("c3"));
  EXPECT_FALSE(after_call("ffe0"));        // jmp rax
  EXPECT_FALSE(after_call("e900000000"));  // jmp rel32
  EXPECT_FALSE(after_call("909090909090"));
  EXPECT_FALSE(after_call("e8000000"));  // cut
}

}  // namespace
}  // namespace inquest::isa
