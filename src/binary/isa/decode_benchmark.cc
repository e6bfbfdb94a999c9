#include <benchmark/benchmark.h>

#include "binary/isa/decode.h"

namespace {

using namespace inquest;
using namespace inquest::isa;

// mov eax, dword ptr [rdi+0x38] and vmovdqu64 zmm0{k1}{z}, [rdi+0x40]
constexpr uint8_t kMov[] = {0x8b, 0x47, 0x38};
constexpr uint8_t kAvx[] = {0x62, 0xf1, 0xfe, 0xc9, 0x6f, 0x47, 0x01};
// ldp x29, x30, [sp], #0x20 and add x0, x1, w2, sxtw #2
constexpr uint8_t kLdp[] = {0xfd, 0x7b, 0xc2, 0xa8};
constexpr uint8_t kAdd[] = {0x20, 0xc8, 0x22, 0x8b};

void BM_Decode(benchmark::State& state, Arch arch, ByteView code) {
  for (auto _ : state) benchmark::DoNotOptimize(decode(arch, code, Address(0x401000)));
}
BENCHMARK_CAPTURE(BM_Decode, x86_mov, Arch::kX86_64, kMov);
BENCHMARK_CAPTURE(BM_Decode, x86_avx512, Arch::kX86_64, kAvx);
BENCHMARK_CAPTURE(BM_Decode, a64_ldp, Arch::kAArch64, kLdp);
BENCHMARK_CAPTURE(BM_Decode, a64_add, Arch::kAArch64, kAdd);

void BM_FollowsCall(benchmark::State& state, Arch arch) {
  constexpr uint8_t kBefore[] = {0x48, 0x8b, 0x07, 0x48, 0x89, 0xde, 0xff, 0x50, 0x18};
  for (auto _ : state) benchmark::DoNotOptimize(follows_call(arch, kBefore, Address(0x401000)));
}
BENCHMARK_CAPTURE(BM_FollowsCall, x86, Arch::kX86_64);
BENCHMARK_CAPTURE(BM_FollowsCall, a64, Arch::kAArch64);

}  // namespace
