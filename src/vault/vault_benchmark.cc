// How fast evidence goes into a vault and comes back, fsync included.
#include <benchmark/benchmark.h>
#include <fcntl.h>

#include <cstdlib>
#include <cstring>
#include <random>

#include "platform/os/directories.h"
#include "platform/os/fd.h"
#include "vault/vault.h"

namespace inquest::vault {
namespace {

constexpr size_t kSize = 64 << 20;

enum Content : int64_t { kZeros, kHeap, kNoise };

// Memory of a program as it often is: words that point near each other, small numbers, text, zeros.
Bytes heap_like(uint32_t seed) {
  std::mt19937_64 random(seed);
  Bytes bytes(kSize);
  for (size_t i = 0; i + 32 <= bytes.size(); i += 32) {
    const uint64_t pointer = 0x7f12'3400'0000 + (random() & 0xff'fff0);
    const uint64_t small = random() & 0xff;
    std::memcpy(bytes.data() + i, &pointer, 8);
    std::memcpy(bytes.data() + i + 8, &small, 8);
    if (i % 128 == 0) std::memcpy(bytes.data() + i + 16, "GET /index.html", 15);
  }
  return bytes;
}

Bytes content_of(int64_t kind, uint32_t seed) {
  if (kind == kZeros) return Bytes(kSize);
  if (kind == kHeap) return heap_like(seed);
  Bytes bytes(kSize);
  std::mt19937_64 random(seed);
  for (size_t i = 0; i < kSize; i += 8) {
    const uint64_t word = random();
    std::memcpy(bytes.data() + i, &word, 8);
  }
  return bytes;
}

CaseId deposit(Vault& vault, const Bytes& core) {
  CaseHeader header;
  header.signature = "bench";
  const NewAttachment evidence[] = {
      {.name = "core", .role = Role::kFull, .source = ByteView(core)}};
  return vault.deposit(header, evidence)->id;
}

Vault vault_in(const os::TempDirectory& directory, unsigned threads) {
  return *Vault::open(directory.file("vault"),
                      {.quota = uint64_t{16} << 30, .keep_free = 0, .threads = threads});
}

void BM_Deposit(benchmark::State& state) {
  const auto directory = *os::TempDirectory::create();
  Vault vault = vault_in(directory, static_cast<unsigned>(state.range(1)));
  uint32_t seed = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const Bytes core = content_of(state.range(0), ++seed);
    state.ResumeTiming();
    benchmark::DoNotOptimize(deposit(vault, core));
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kSize));
}
BENCHMARK(BM_Deposit)
    ->ArgsProduct({{kZeros, kHeap, kNoise}, {1, 2}})
    ->UseRealTime()
    ->Iterations(4)
    ->Unit(benchmark::kMillisecond);

void BM_DepositOfWhatIsThere(benchmark::State& state) {
  const auto directory = *os::TempDirectory::create();
  Vault vault = vault_in(directory, 1);
  const Bytes core = content_of(kHeap, 1);
  deposit(vault, core);
  for (auto _ : state) benchmark::DoNotOptimize(deposit(vault, core));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kSize));
}
BENCHMARK(BM_DepositOfWhatIsThere)->UseRealTime()->Unit(benchmark::kMillisecond);

void BM_DepositHeaderOnly(benchmark::State& state) {
  const auto directory = *os::TempDirectory::create();
  Vault vault = vault_in(directory, 1);
  for (auto _ : state) benchmark::DoNotOptimize(vault.deposit({}, {}).ok());
}
BENCHMARK(BM_DepositHeaderOnly)->UseRealTime()->Unit(benchmark::kMillisecond);

void BM_Read(benchmark::State& state) {
  const auto directory = *os::TempDirectory::create();
  Vault vault = vault_in(directory, 2);
  const Case core = *vault.find(deposit(vault, content_of(kHeap, 1)));
  for (auto _ : state) {
    const os::Fd out = *os::create_file(directory.file("out"));
    benchmark::DoNotOptimize(vault.read(core, "core", out.get()).ok());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kSize));
}
BENCHMARK(BM_Read)->UseRealTime()->Unit(benchmark::kMillisecond);

// A vault with many crashes in it, opened and listed.
void BM_OpenAndList(benchmark::State& state) {
  const auto directory = *os::TempDirectory::create();
  {
    Vault vault = vault_in(directory, 1);
    CaseHeader header;
    header.command_line = "shop --port 80 --config /etc/shop/shop.conf";
    header.title = "segv-read-null | shop::quote | shop::Service::process";
    for (int64_t i = 0; i < state.range(0); ++i) vault.begin(header).ok() ? void() : std::abort();
  }
  for (auto _ : state) {
    auto vault = Vault::open(directory.file("vault"), {.read_only = true});
    benchmark::DoNotOptimize(vault->list()->size());
  }
}
BENCHMARK(BM_OpenAndList)->Arg(1000)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace inquest::vault
