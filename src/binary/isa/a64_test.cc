// Exact expectations for AArch64: the bytes were assembled with GNU as 2.40
// (-march=armv8.6-a+sve2+memtag), the right sides checked by hand against the Arm ARM (DDI 0487).
#include <gtest/gtest.h>

#include <cstring>
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
    {"201c40f9", "ldr x0, [x1, #0x38] | read 8 [x1+0x38] | r:x1 w:x0 | = memory:64"},
    {"e00740b9", "ldr w0, [sp, #0x4] | read 4 [sp+0x4] | r:sp w:x0 | = memory:32"},
    {"20004039", "ldrb w0, [x1] | read 1 [x1] | r:x1 w:x0 | = memory:8"},
    {"20044079", "ldrh w0, [x1, #0x2] | read 2 [x1+0x2] | r:x1 w:x0 | = memory:16"},
    {"2000c039", "ldrsb w0, [x1] | read 1 [x1] | r:x1 w:x0 | = memory:8 sx 32"},
    {"20008039", "ldrsb x0, [x1] | read 1 [x1] | r:x1 w:x0 | = memory:8 sx 64"},
    {"200c8079", "ldrsh x0, [x1, #0x6] | read 2 [x1+0x6] | r:x1 w:x0 | = memory:16 sx 64"},
    {"200480b9", "ldrsw x0, [x1, #0x4] | read 4 [x1+0x4] | r:x1 w:x0 | = memory:32 sx 64"},
    {"3f0040f9", "ldr xzr, [x1] | read 8 [x1] | r:x1"},
    {"200400f9", "str x0, [x1, #0x8] | write 8 [x1+0x8] | r:x1,x0"},
    {"5f0000b9", "str wzr, [x2] | write 4 [x2] | r:x2"},
    {"83040039", "strb w3, [x4, #0x1] | write 1 [x4+0x1] | r:x4,x3"},
    {"2004c03d", "ldr q0, [x1, #0x10] | read 16 [x1+0x10] | r:x1"},
    {"e10700fd", "str d1, [sp, #0x8] | write 8 [sp+0x8] | r:sp"},
    {"6204403d", "ldr b2, [x3, #0x1] | read 1 [x3+0x1] | r:x3"},
    {"6204007d", "str h2, [x3, #0x2] | write 2 [x3+0x2] | r:x3"},
    {"070140bd", "ldr s7, [x8] | read 4 [x8] | r:x8"},
    {"20805ff8", "ldur x0, [x1, #-0x8] | read 8 [x1-0x8] | r:x1 w:x0 | = memory:64"},
    {"a0c31eb8", "stur w0, [x29, #-0x14] | write 4 [x29-0x14] | r:x29,x0"},
    {"20f05f38", "ldurb w0, [x1, #-0x1] | read 1 [x1-0x1] | r:x1 w:x0 | = memory:8"},
    {"83c09fb8", "ldursw x3, [x4, #-0x4] | read 4 [x4-0x4] | r:x4 w:x3 | = memory:32 sx 64"},
    {"2000df3c", "ldur q0, [x1, #-0x10] | read 16 [x1-0x10] | r:x1"},
    {"208440f8", "ldr x0, [x1], #0x8 | read 8 [x1] | r:x1 w:x0,x1 | = memory:64"},
    {"200c5ff8", "ldr x0, [x1, #-0x10]! | read 8 [x1-0x10] | r:x1 w:x0,x1 | = memory:64"},
    {"fe0f1ff8", "str x30, [sp, #-0x10]! | write 8 [sp-0x10] | r:sp,x30 w:sp"},
    {"fe0741f8", "ldr x30, [sp], #0x10 | read 8 [sp] | r:sp w:x30,sp | = memory:64"},
    {"22144038", "ldrb w2, [x1], #0x1 | read 1 [x1] | r:x1 w:x2,x1 | = memory:8"},
    {"8304813c", "str q3, [x4], #0x10 | write 16 [x4] | r:x4 w:x4"},
    {"206862f8", "ldr x0, [x1, x2] | read 8 [x1+x2*1] | r:x1,x2 w:x0 | = memory:64"},
    {"207862f8", "ldr x0, [x1, x2, lsl #3] | read 8 [x1+x2*8] | r:x1,x2 w:x0 | = memory:64"},
    {"205862b8", "ldr w0, [x1, w2, uxtw #2] | read 4 [x1+x2.zx*4] | r:x1,x2 w:x0 | = memory:32"},
    {"20c862f8", "ldr x0, [x1, w2, sxtw] | read 8 [x1+x2.sx*1] | r:x1,x2 w:x0 | = memory:64"},
    {"20686238", "ldrb w0, [x1, x2] | read 1 [x1+x2*1] | r:x1,x2 w:x0 | = memory:8"},
    {"20786238", "ldrb w0, [x1, x2, lsl #0] | read 1 [x1+x2*1] | r:x1,x2 w:x0 | = memory:8"},
    {"2078a23c", "str q0, [x1, x2, lsl #4] | write 16 [x1+x2*16] | r:x1,x2"},
    {"20d8e278",
     "ldrsh w0, [x1, w2, sxtw #1] | read 2 [x1+x2.sx*2] | r:x1,x2 w:x0 | = memory:16 sx 32"},
    {"20f862f8", "ldr x0, [x1, x2, sxtx #3] | read 8 [x1+x2*8] | r:x1,x2 w:x0 | = memory:64"},
    {"80000058", "ldr x0, 0x401010 | read 8 [pc+0x10] | w:x0 | = memory:64"},
    {"c0ffff18", "ldr w0, 0x400ff8 | read 4 [pc-0x8] | w:x0 | = memory:32"},
    {"40000098", "ldrsw x0, 0x401008 | read 4 [pc+0x8] | w:x0 | = memory:32 sx 64"},
    {"8000009c", "ldr q0, 0x401010 | read 16 [pc+0x10]"},
    {"20687ff8", "ldr x0, [x1, xzr] | read 8 [x1] | r:x1 w:x0 | = memory:64"},
    {"208840f8", "ldtr x0, [x1, #0x8] | read 8 [x1+0x8] | r:x1 w:x0 | = memory:64"},
    {"20080038", "sttrb w0, [x1] | write 1 [x1] | r:x1,x0"},
    {"400440a9", "ldp x0, x1, [x2] | read 16 [x2] | r:x2 w:x0,x1 | = memory:64"},
    {"fd7bc2a8", "ldp x29, x30, [sp], #0x20 | read 16 [sp] | r:sp w:x29,x30,sp | = memory:64"},
    {"fd7bbea9", "stp x29, x30, [sp, #-0x20]! | write 16 [sp-0x20] | r:sp,x29,x30 w:sp"},
    {"207c0129", "stp w0, wzr, [x1, #0x8] | write 8 [x1+0x8] | r:x1,x0"},
    {"40044169", "ldpsw x0, x1, [x2, #0x8] | read 8 [x2+0x8] | r:x2 w:x0,x1 | = memory:32 sx 64"},
    {"400441ad", "ldp q0, q1, [x2, #0x20] | read 32 [x2+0x20] | r:x2"},
    {"e827016d", "stp d8, d9, [sp, #0x10] | write 16 [sp+0x10] | r:sp"},
    {"400440a8", "ldnp x0, x1, [x2] | read 16 [x2] | r:x2 w:x0,x1 | = memory:64"},
    {"4004012c", "stnp s0, s1, [x2, #0x8] | write 8 [x2+0x8] | r:x2"},
    {"000480f9", "prfm pldl1keep, [x0, #0x8] | r:x0"},
    {"1368a1f8", "prfm pstl2strm, [x0, x1] | r:x0,x1"},
    {"00809ff8", "prfum pldl1keep, [x0, #-0x8] | r:x0"},
    {"207c5fc8", "ldxr x0, [x1] | read 8 [x1] align 8 | r:x1 w:x0 | = memory:64"},
    {"20fc5f08", "ldaxrb w0, [x1] | read 1 [x1] | r:x1 w:x0 | = memory:8"},
    {"417c00c8", "stxr w0, x1, [x2] | write 8 [x2] align 8 | r:x2,x1 w:x0"},
    {"41fc0048", "stlxrh w0, w1, [x2] | write 2 [x2] align 2 | r:x2,x1 w:x0"},
    {"40047fc8", "ldxp x0, x1, [x2] | read 16 [x2] align 16 | r:x2 w:x0,x1 | = memory:64"},
    {"40847f88", "ldaxp w0, w1, [x2] | read 8 [x2] align 8 | r:x2 w:x0,x1 | = memory:32"},
    {"400423c8", "stxp w3, x0, x1, [x2] | write 16 [x2] align 16 | r:x2,x0,x1 w:x3"},
    {"40842388", "stlxp w3, w0, w1, [x2] | write 8 [x2] align 8 | r:x2,x0,x1 w:x3"},
    {"20fcdfc8", "ldar x0, [x1] | read 8 [x1] align 8 | r:x1 w:x0 | = memory:64"},
    {"20fcdf08", "ldarb w0, [x1] | read 1 [x1] | r:x1 w:x0 | = memory:8"},
    {"20fc9f88", "stlr w0, [x1] | write 4 [x1] align 4 | r:x1,x0"},
    {"20fc9f48", "stlrh w0, [x1] | write 2 [x1] align 2 | r:x1,x0"},
    {"207cdfc8", "ldlar x0, [x1] | read 8 [x1] align 8 | r:x1 w:x0 | = memory:64"},
    {"207c9fc8", "stllr x0, [x1] | write 8 [x1] align 8 | r:x1,x0"},
    {"417ca088", "cas w0, w1, [x2] | read-write 4 [x2] align 4 | r:x2,x0,x1 w:x0 | needs LSE"},
    {"41fce0c8", "casal x0, x1, [x2] | read-write 8 [x2] align 8 | r:x2,x0,x1 w:x0 | needs LSE"},
    {"41fca008", "caslb w0, w1, [x2] | read-write 1 [x2] | r:x2,x0,x1 w:x0 | needs LSE"},
    {"827c2048",
     "casp x0, x1, x2, x3, [x4] | read-write 16 [x4] align 16 | r:x4,x0,x1,x2,x3 w:x0,x1 | needs "
     "LSE"},
    {"82fc6008",
     "caspal w0, w1, w2, w3, [x4] | read-write 8 [x4] align 8 | r:x4,x0,x1,x2,x3 w:x0,x1 | needs "
     "LSE"},
    {"410020f8",
     "ldadd x0, x1, [x2] | read-write 8 [x2] align 8 | r:x2,x0 w:x1 | = memory:64, needs LSE"},
    {"4100e0b8",
     "ldaddal w0, w1, [x2] | read-write 4 [x2] align 4 | r:x2,x0 w:x1 | = memory:32, needs LSE"},
    {"41102038", "ldclrb w0, w1, [x2] | read-write 1 [x2] | r:x2,x0 w:x1 | = memory:8, needs LSE"},
    {"4120a0f8",
     "ldeora x0, x1, [x2] | read-write 8 [x2] align 8 | r:x2,x0 w:x1 | = memory:64, needs LSE"},
    {"413060f8",
     "ldsetl x0, x1, [x2] | read-write 8 [x2] align 8 | r:x2,x0 w:x1 | = memory:64, needs LSE"},
    {"41402078",
     "ldsmaxh w0, w1, [x2] | read-write 2 [x2] align 2 | r:x2,x0 w:x1 | = memory:16, needs LSE"},
    {"417020f8",
     "ldumin x0, x1, [x2] | read-write 8 [x2] align 8 | r:x2,x0 w:x1 | = memory:64, needs LSE"},
    {"3f0020b8", "stadd w0, [x1] | read-write 4 [x1] align 4 | r:x1,x0 | needs LSE"},
    {"3f3060f8", "stsetl x0, [x1] | read-write 8 [x1] align 8 | r:x1,x0 | needs LSE"},
    {"e18320f8",
     "swp x0, x1, [sp] | read-write 8 [sp] align 8 | r:sp,x0 w:x1 | = memory:64, needs LSE"},
    {"4180e038", "swpalb w0, w1, [x2] | read-write 1 [x2] | r:x2,x0 w:x1 | = memory:8, needs LSE"},
    {"20c0bff8", "ldapr x0, [x1] | read 8 [x1] align 8 | r:x1 w:x0 | = memory:64, needs RCPC"},
    {"20c0bf38", "ldaprb w0, [x1] | read 1 [x1] | r:x1 w:x0 | = memory:8, needs RCPC"},
    {"20805fd9",
     "ldapur x0, [x1, #-0x8] | read 8 [x1-0x8] align 8 | r:x1 w:x0 | = memory:64, needs RCPC2"},
    {"20300019", "stlurb w0, [x1, #0x3] | write 1 [x1+0x3] | r:x1,x0 | needs RCPC2"},
    {"20008099",
     "ldapursw x0, [x1] | read 4 [x1] align 4 | r:x1 w:x0 | = memory:32 sx 64, needs RCPC2"},
    {"00d13ff8",
     "ld64b x0, [x8] | read 64 [x8] align 64 | r:x8 w:x0,x1,x2,x3,x4,x5,x6,x7 | needs LS64"},
    {"00913ff8",
     "st64b x0, [x8] | write 64 [x8] align 64 | r:x8,x0,x1,x2,x3,x4,x5,x6,x7 | needs LS64"},
    {"200420f8", "ldraa x0, [x1] | read 8 [x1] inexact | r:x1 w:x0 | = memory:64, needs PAuth"},
    {"201c20f8",
     "ldraa x0, [x1, #0x8]! | read 8 [x1+0x8] inexact | r:x1 w:x0,x1 | = memory:64, needs PAuth"},
    {"6204e0f8",
     "ldrab x2, [x3, #-0x1000] | read 8 [x3-0x1000] inexact | r:x3 w:x2 | = memory:64, needs "
     "PAuth"},
    {"200820d9", "stg x0, [x1] | write 16 [x1] | r:x1,x0 | needs MTE"},
    {"202ca0d9", "st2g x0, [x1, #0x20]! | write 32 [x1+0x20] | r:x1,x0 w:x1 | needs MTE"},
    {"e01760d9", "stzg x0, [sp], #0x10 | write 16 [sp] | r:sp,x0 w:sp | needs MTE"},
    {"3fe8ffd9", "stz2g sp, [x1, #-0x20] | write 32 [x1-0x20] | r:x1,sp | needs MTE"},
    {"201060d9", "ldg x0, [x1, #0x10] | read 16 [x1+0x10] | r:x1,x0 w:x0 | needs MTE"},
    {"40040169", "stgp x0, x1, [x2, #0x20] | write 16 [x2+0x20] | r:x2,x0,x1 | needs MTE"},
    {"2010df9a", "irg x0, x1, xzr | r:x1 w:x0 | needs MTE"},
    {"20088191", "addg x0, x1, #0x10, #0x2 | r:x1 w:x0 | needs MTE"},
    {"2000c29a", "subp x0, x1, x2 | r:x1,x2 w:x0 | needs MTE"},
    {"0070404c", "ld1 {v0.16b}, [x0] | read 16 [x0] | r:x0"},
    {"00a0df4c", "ld1 {v0.16b, v1.16b}, [x0], #0x20 | read 32 [x0] | r:x0 w:x0"},
    {"0020c10c", "ld1 {v0.8b, v1.8b, v2.8b, v3.8b}, [x0], x1 | read 32 [x0] | r:x0,x1 w:x0"},
    {"0088404c", "ld2 {v0.4s, v1.4s}, [x0] | read 32 [x0] | r:x0"},
    {"e047404c", "ld3 {v0.8h, v1.8h, v2.8h}, [sp] | read 48 [sp] | r:sp"},
    {"1e0c9f4c", "st4 {v30.2d, v31.2d, v0.2d, v1.2d}, [x0], #0x40 | write 64 [x0] | r:x0 w:x0"},
    {"0090400d", "ld1 {v0.s}[1], [x0] | read 4 [x0] | r:x0"},
    {"001c9f4d", "st1 {v0.b}[15], [x0], #0x1 | write 1 [x0] | r:x0 w:x0"},
    {"0084e34d", "ld2 {v0.d, v1.d}[1], [x0], x3 | read 16 [x0] | r:x0,x3 w:x0"},
    {"0078000d", "st3 {v0.h, v1.h, v2.h}[3], [x0] | write 6 [x0] | r:x0"},
    {"00c8404d", "ld1r {v0.4s}, [x0] | read 4 [x0] | r:x0"},
    {"00e0ff0d", "ld4r {v0.8b, v1.8b, v2.8b, v3.8b}, [x0], #0x4 | read 4 [x0] | r:x0 w:x0"},
    {"004001a4", ".inst 0xa4014000 ; sve-load | read 0 [x0] inexact | r:x0,x1 | needs SVE"},
    {"e0a3e1a5", ".inst 0xa5e1a3e0 ; sve-load | read 0 [sp] inexact | r:sp | needs SVE"},
    {"40e440e5", ".inst 0xe540e440 ; sve-store | write 0 [x2] | r:x2 | needs SVE"},
    {"004001e4", ".inst 0xe4014000 ; sve-store | write 0 [x0] inexact | r:x0,x1 | needs SVE"},
    {"20488085", ".inst 0x85804820 ; sve-load | read 0 [x1] inexact | r:x1 | needs SVE"},
    {"200080e5", ".inst 0xe5800020 ; sve-store | write 0 [x1] | r:x1 | needs SVE"},
    {"00c0c1c5", ".inst 0xc5c1c000 ; sve-load | read 0 [x0] inexact | r:x0 | needs SVE"},
    {"20c02185", ".inst 0x8521c020 ; sve-load | read 0 [] inexact | needs SVE"},
    {"20a0c0e5", ".inst 0xe5c0a020 ; sve-store | write 0 [] inexact | needs SVE"},
    {"006001a4", ".inst 0xa4016000 ; sve-load | read 0 [x0] inexact | r:x0,x1 | needs SVE"},
    {"002000a4", ".inst 0xa4002000 ; sve-load | read 0 [x0] | r:x0 | needs SVE"},
    {"00c001a4", ".inst 0xa401c000 ; sve-load | read 0 [x0] inexact | r:x0,x1 | needs SVE"},
    {"00e040a4", ".inst 0xa440e000 ; sve-load | read 0 [x0] | r:x0 | needs SVE"},
    {"0000c085", ".inst 0x85c00000 ; sve-prefetch | needs SVE"},
    {"00c00185", ".inst 0x8501c000 ; sve-prefetch | needs SVE"},
    {"20e080c5", ".inst 0xc580e020 ; sve-prefetch | needs SVE"},
    {"e7e32004", ".inst 0x0420e3e7 ; sve-cnt | w:x7 | needs SVE"},
    {"e3e3f104", ".inst 0x04f1e3e3 ; sve-inc/dec | r:x3 w:x3 | needs SVE"},
    {"ff573f04", ".inst 0x043f57ff ; sve-addvl | r:sp w:sp | needs SVE"},
    {"2050bf04", ".inst 0x04bf5020 ; sve-rdvl | w:x0 | needs SVE"},
    {"e11c2225", ".inst 0x25221ce1 ; sve-while | r:x7,x2 | needs SVE"},
    {"20802025", ".inst 0x25208020 ; sve-cntp | w:x0 | needs SVE"},
    {"20a0a005", ".inst 0x05a0a020 ; sve-last | w:x0 | needs SVE"},
    {"e0e31825", ".inst 0x2518e3e0 ; sve | needs SVE"},
    {"20382005", ".inst 0x05203820 ; sve-mov | r:x1 | needs SVE"},
    {"04000014", "b 0x401010 | jump to 0x401010"},
    {"ffffff17", "b 0x400ffc | jump to 0x400ffc"},
    {"00040094", "bl 0x402000 | call to 0x402000 | w:x30"},
    {"40000054", "b.eq 0x401008 | branch to 0x401008"},
    {"c2ffff54", "b.cs 0x400ff8 | branch to 0x400ff8"},
    {"400000b4", "cbz x0, 0x401008 | branch to 0x401008 | r:x0"},
    {"e3ffff35", "cbnz w3, 0x400ffc | branch to 0x400ffc | r:x3"},
    {"4000f8b6", "tbz x0, #63, 0x401008 | branch to 0x401008 | r:x0"},
    {"c1ff1f37", "tbnz w1, #3, 0x400ff8 | branch to 0x400ff8 | r:x1"},
    {"00021fd6", "br x16 | jump via x16 | r:x16"},
    {"00013fd6", "blr x8 | call via x8 | r:x8 w:x30"},
    {"c0035fd6", "ret | return | r:x30"},
    {"60005fd6", "ret x3 | return | r:x3"},
    {"01081fd7", "braa x0, x1 | jump via x0 | r:x1,x0 | needs PAuth"},
    {"5f0c3fd7", "blrab x2, sp | call via x2 | r:sp,x2 w:x30 | needs PAuth"},
    {"7f081fd6", "braaz x3 | jump via x3 | r:x3 | needs PAuth"},
    {"9f0c3fd6", "blrabz x4 | call via x4 | r:x4 w:x30 | needs PAuth"},
    {"ff0b5fd6", "retaa | return | r:sp,x30 | needs PAuth"},
    {"ff0f5fd6", "retab | return | r:sp,x30 | needs PAuth"},
    {"e0039fd6", "eret | return | privileged"},
    {"007d20d4", "brk #0x3e8 | trap"},
    {"000040d4", "hlt #0x0 | trap | privileged"},
    {"00000000", "udf #0x0 | trap"},
    {"010000d4", "svc #0x0 | syscall"},
    {"220000d4", "hvc #0x1 | syscall | privileged"},
    {"1f2003d5", "nop"},
    {"3f2303d5", "paciasp | r:x30,sp w:x30"},
    {"bf2303d5", "autiasp | r:x30,sp w:x30"},
    {"5f2403d5", "bti c"},
    {"ff2003d5", "xpaclri | r:x30 w:x30"},
    {"bf3b03d5", "dmb ish"},
    {"9f3f03d5", "dsb sy"},
    {"df3f03d5", "isb"},
    {"5f3f03d5", "clrex"},
    {"40d03bd5", "mrs x0, tpidr_el0 | r:tpidr w:x0 | = tpidr:64"},
    {"41d01bd5", "msr tpidr_el0, x1 | r:x1 w:tpidr"},
    {"000038d5", "mrs x0, midr_el1 | w:x0"},
    {"001038d5", "mrs x0, s3_0_c1_c0_0 | w:x0 | privileged"},
    {"e0003bd5", "mrs x0, dczid_el0 | w:x0"},
    {"20740bd5", "dc zva, x0 | write 0 [x0] | r:x0"},
    {"217b0bd5", "dc cvau, x1 | read 0 [x1] | r:x1"},
    {"22750bd5", "ic ivau, x2 | read 0 [x2] | r:x2"},
    {"20000010", "adr x0, 0x401004 | w:x0 | = 0x401004, = &[pc+0x4]"},
    {"00000090", "adrp x0, 0x401000 | w:x0 | = 0x401000, = &[pc]"},
    {"20400091", "add x0, x1, #0x10 | r:x1 w:x0 | = &[x1+0x10]"},
    {"ff830091", "add sp, sp, #0x20 | r:sp w:sp | = &[sp+0x20]"},
    {"ff0740d1", "sub sp, sp, #0x1, lsl #12 | r:sp w:sp | = &[sp-0x1000]"},
    {"fd030091", "mov x29, sp | r:sp w:x29 | = sp:64"},
    {"bf030091", "mov sp, x29 | r:x29 w:sp | = x29:64"},
    {"200400b1", "adds x0, x1, #0x1 | r:x1 w:x0 | = &[x1+0x1]"},
    {"1f1400f1", "cmp x0, #0x5 | r:x0"},
    {"1f040031", "cmn w0, #0x1 | r:x0"},
    {"20100051", "sub w0, w1, #0x4 | r:x1 w:x0 | = &[x1-0x4]32"},
    {"201c4092", "and x0, x1, #0xff | r:x1 w:x0 | = x1:8"},
    {"20ec7c92", "and x0, x1, #0xfffffffffffffff0 | r:x1 w:x0"},
    {"20000032", "orr w0, w1, #0x1 | r:x1 w:x0"},
    {"e0f300b2", "mov x0, #0x5555555555555555 | w:x0 | = 0x5555555555555555"},
    {"1f0040f2", "tst x0, #0x1 | r:x0"},
    {"410040d2", "eor x1, x2, #0x1 | r:x2 w:x1"},
    {"804682d2", "mov x0, #0x1234 | w:x0 | = 0x1234"},
    {"00008012", "mov w0, #0xffffffff | w:x0 | = 0xffffffff"},
    {"20008092", "mov x0, #0xfffffffffffffffe | w:x0 | = 0xfffffffffffffffe"},
    {"8046a2f2", "movk x0, #0x1234, lsl #16 | r:x0 w:x0"},
    {"0000a0d2", "movz x0, #0x0, lsl #16 | w:x0 | = 0x0"},
    {"20f07dd3", "lsl x0, x1, #3 | r:x1 w:x0 | = &[+x1*8]"},
    {"20fc43d3", "lsr x0, x1, #3 | r:x1 w:x0"},
    {"207c1f13", "asr w0, w1, #31 | r:x1 w:x0"},
    {"207c4093", "sxtw x0, w1 | r:x1 w:x0 | = x1:32 sx 64"},
    {"201c0013", "sxtb w0, w1 | r:x1 w:x0 | = x1:8 sx 32"},
    {"201c0053", "uxtb w0, w1 | r:x1 w:x0 | = x1:8"},
    {"203c0053", "uxth w0, w1 | r:x1 w:x0 | = x1:16"},
    {"202c44d3", "ubfx x0, x1, #4, #8 | r:x1 w:x0"},
    {"202c4493", "sbfx x0, x1, #4, #8 | r:x1 w:x0"},
    {"201c7cb3", "bfi x0, x1, #4, #8 | r:x1,x0 w:x0"},
    {"202c44b3", "bfxil x0, x1, #4, #8 | r:x1,x0 w:x0"},
    {"201c7cd3", "ubfiz x0, x1, #4, #8 | r:x1 w:x0"},
    {"2014c193", "ror x0, x1, #5 | r:x1 w:x0"},
    {"2014c293", "extr x0, x1, x2, #5 | r:x1,x2 w:x0"},
    {"e00301aa", "mov x0, x1 | r:x1 w:x0 | = x1:64"},
    {"e003012a", "mov w0, w1 | r:x1 w:x0 | = x1:32"},
    {"e0031faa", "mov x0, xzr | w:x0 | = 0x0"},
    {"e00321aa", "mvn x0, x1 | r:x1 w:x0"},
    {"2000028b", "add x0, x1, x2 | r:x1,x2 w:x0 | = &[x1+x2*1]"},
    {"200c028b", "add x0, x1, x2, lsl #3 | r:x1,x2 w:x0 | = &[x1+x2*8]"},
    {"2000020b", "add w0, w1, w2 | r:x1,x2 w:x0 | = &[x1+x2*1]32"},
    {"20c8228b", "add x0, x1, w2, sxtw #2 | r:x1,x2 w:x0 | = &[x1+x2.sx*4]"},
    {"e063218b", "add x0, sp, x1 | r:sp,x1 w:x0 | = &[sp+x1*1]"},
    {"200002cb", "sub x0, x1, x2 | r:x1,x2 w:x0"},
    {"1f0001eb", "cmp x0, x1 | r:x0,x1"},
    {"e00301cb", "neg x0, x1 | r:x1 w:x0"},
    {"000000ca", "eor x0, x0, x0 | r:x0 w:x0 | = 0x0"},
    {"2000228a", "bic x0, x1, x2 | r:x1,x2 w:x0"},
    {"1f0001ea", "tst x0, x1 | r:x0,x1"},
    {"2000029a", "adc x0, x1, x2 | r:x1,x2 w:x0"},
    {"001041fa", "ccmp x0, x1, #0x0, ne | r:x0,x1"},
    {"040843fa", "ccmp x0, #0x3, #0x4, eq | r:x0"},
    {"20b0829a", "csel x0, x1, x2, lt | r:x1,x2 w:x0"},
    {"e0079f1a", "cset w0, ne | w:x0"},
    {"20d4819a", "cinc x0, x1, gt | r:x1 w:x0"},
    {"20d482da", "csneg x0, x1, x2, le | r:x1,x2 w:x0"},
    {"2008c29a", "udiv x0, x1, x2 | r:x1,x2 w:x0"},
    {"200cc21a", "sdiv w0, w1, w2 | r:x1,x2 w:x0"},
    {"2020c29a", "lsl x0, x1, x2 | r:x1,x2 w:x0"},
    {"2040c21a", "crc32b w0, w1, w2 | r:x1,x2 w:x0 | needs CRC32"},
    {"2000c0da", "rbit x0, x1 | r:x1 w:x0"},
    {"200cc0da", "rev x0, x1 | r:x1 w:x0"},
    {"2010c05a", "clz w0, w1 | r:x1 w:x0"},
    {"2000c1da", "pacia x0, x1 | r:x0,x1 w:x0 | needs PAuth"},
    {"e337c1da", "autizb x3 | r:x3 w:x3 | needs PAuth"},
    {"e443c1da", "xpaci x4 | r:x4 w:x4 | needs PAuth"},
    {"200c029b", "madd x0, x1, x2, x3 | r:x1,x2,x3 w:x0"},
    {"207c029b", "mul x0, x1, x2 | r:x1,x2 w:x0"},
    {"207cc29b", "umulh x0, x1, x2 | r:x1,x2 w:x0"},
    {"207c229b", "smull x0, w1, w2 | r:x1,x2 w:x0"},
    {"208c021b", "msub w0, w1, w2, w3 | r:x1,x2,x3 w:x0"},
    {"2000679e", "fmov d0, x1 | r:x1"},
    {"0100669e", "fmov x1, d0 | w:x1"},
    {"2000ae9e", "fmov x0, v1.d[1] | w:x0"},
    {"2000381e", "fcvtzs w0, s1 | w:x0"},
    {"2000621e", "scvtf d0, w1 | r:x1"},
    {"20f0429e", "scvtf d0, x1, #4 | r:x1"},
    {"2028621e", "fadd d0, d1, d2"},
    {"0820201e", "fcmp s0, #0.0"},
    {"200c621e", "fcsel d0, d1, d2, eq"},
    {"200c421f", "fmadd d0, d1, d2, d3"},
    {"20c0221e", "fcvt d0, s1"},
    {"200c044e", "dup v0.4s, w1 | r:x1"},
    {"203c070e", "umov w0, v1.b[3] | w:x0"},
    {"203c184e", "mov x0, v1.d[1] | w:x0"},
    {"202c0a4e", "smov x0, v1.h[2] | w:x0"},
    {"601c144e", "mov v0.s[2], w3 | r:x3"},
    {"201ca14e", "mov v0.16b, v1.16b"},
    {"201c226e", "eor v0.16b, v1.16b, v2.16b"},
    {"2084a24e", ".inst 0x4ea28420 ; simd"},
    {"2048284e", ".inst 0x4e284820 ; simd"},
    {"028400ba", "rmif x0, #1, #2 | r:x0 | needs FlagM"},
};

TEST(A64Decode, SaysWhatEachInstructionReadsWritesAndGoesTo) {
  for (const Row& row : kRows) {
    EXPECT_EQ(describe(Arch::kAArch64, from_hex(row.bytes), kPc), row.expected) << row.bytes;
  }
}

TEST(A64Decode, FewerThanFourBytesAreTruncated) {
  const Bytes whole = from_hex("c0035fd6");
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto in = decode(Arch::kAArch64, ByteView(whole).first(size), kPc);
    ASSERT_FALSE(in.ok());
    EXPECT_EQ(in.error().code(), ErrorCode::kTruncated);
  }
}

TEST(A64Decode, UnallocatedAndUnknownAreToldApart) {
  EXPECT_EQ(describe(Arch::kAArch64, from_hex("00000002"), kPc), "error: corrupt");
  EXPECT_EQ(describe(Arch::kAArch64, from_hex("000000c0"), kPc), "error: unsupported");  // SME
  EXPECT_EQ(describe(Arch::kAArch64, from_hex("0000c0f9"), kPc), "error: corrupt");
  EXPECT_EQ(describe(Arch::kAArch64, from_hex("10000054"), kPc),
            "bc.eq 0x401000 | branch to "
            "0x401000 | needs HBC");
}

TEST(A64Decode, PagesOfAdrpCountFromThePageOfThePc) {
  const auto in = decode(Arch::kAArch64, from_hex("600000b0"), Address(0x401ffc));
  ASSERT_TRUE(in.ok());
  EXPECT_EQ(in->text, "adrp x0, 0x40e000");
  EXPECT_EQ(in->constant, 0x40e000u);
  const RegisterFile nothing(Arch::kAArch64);
  EXPECT_EQ(in->address_of->effective_address(nothing, in->next_pc()), Address(0x40e000));
}

Address address_of(std::string_view hex, const RegisterFile& registers) {
  const auto in = decode(Arch::kAArch64, from_hex(hex), kPc);
  return in->memory.at(0).effective_address(registers, in->next_pc()).value_or(Address(0xbad));
}

TEST(A64EffectiveAddress, ExtendsAndShiftsTheIndex) {
  RegisterFile registers(Arch::kAArch64);
  registers.set(1, 0x10000);
  registers.set(2, 0xffff'ffff);
  registers.set(a64::kSp, 0x7000);
  EXPECT_EQ(address_of("201c40f9", registers), Address(0x10038));        // [x1, #0x38]
  EXPECT_EQ(address_of("205862b8", registers), Address(0x4'0000'fffc));  // [x1, w2, uxtw #2]
  EXPECT_EQ(address_of("20c862f8", registers), Address(0xffff));         // [x1, w2, sxtw]
  EXPECT_EQ(address_of("fe0f1ff8", registers), Address(0x6ff0));         // [sp, #-16]!
  EXPECT_EQ(address_of("fe0741f8", registers), Address(0x7000));         // [sp], #16
  EXPECT_EQ(address_of("80000058", registers), Address(0x401010));       // literal
}

TEST(A64EffectiveAddress, SignedPointersAndVectorLengthsHaveNone) {
  RegisterFile registers(Arch::kAArch64);
  for (RegisterId id = 0; id < 32; ++id) registers.set(id, 0x1000);
  EXPECT_EQ(address_of("200420f8", registers), Address(0xbad));  // ldraa
  EXPECT_EQ(address_of("004001a4", registers), Address(0xbad));  // ld1b {z0.b}, p0/z, [x0, x1]
  EXPECT_EQ(address_of("20c02185", registers), Address(0xbad));  // gather
}

TEST(A64DataFlow, ExtendsLoadsAsTheInstructionDoes) {
  const auto extended = [](std::string_view hex, uint64_t source) {
    return decode(Arch::kAArch64, from_hex(hex), kPc)->extended(source);
  };
  EXPECT_EQ(extended("2000c039", 0x80), 0xffff'ff80);            // ldrsb w0
  EXPECT_EQ(extended("20008039", 0x80), 0xffff'ffff'ffff'ff80);  // ldrsb x0
  EXPECT_EQ(extended("20004039", 0x1ff), 0xff);                  // ldrb w0
}

bool after_call(std::string_view hex) {
  return follows_call(Arch::kAArch64, from_hex(hex), Address(0x401100));
}

TEST(A64FollowsCall, KnowsEveryFormOfCall) {
  EXPECT_TRUE(after_call("00040094"));          // bl
  EXPECT_TRUE(after_call("1f2003d500013fd6"));  // blr x8
  EXPECT_TRUE(after_call("5f0c3fd7"));          // blrab x2, sp
  EXPECT_TRUE(after_call("9f0c3fd6"));          // blrabz x4
  EXPECT_FALSE(after_call("04000014"));         // b
  EXPECT_FALSE(after_call("00021fd6"));         // br x16
  EXPECT_FALSE(after_call("c0035fd6"));         // ret
  EXPECT_FALSE(after_call("040094"));
}

// Every allocated call decodes as one, and nothing else does: the quick test and the decoder agree.
TEST(A64FollowsCall, AgreesWithDecode) {
  uint32_t word = 1;
  for (int i = 0; i < 200'000; ++i) {
    word = word * 1664525 + 1013904223;
    const uint32_t tried = i % 2 == 0 ? word : (word & 0x003fffff) | 0xd6000000;
    Bytes bytes(4);
    std::memcpy(bytes.data(), &tried, 4);
    const auto in = decode(Arch::kAArch64, bytes, kPc);
    const bool is_call = in.ok() && in->flow == Flow::kCall;
    ASSERT_EQ(follows_call(Arch::kAArch64, bytes, kPc), is_call) << to_hex(uint64_t{tried});
  }
}

}  // namespace
}  // namespace inquest::isa
