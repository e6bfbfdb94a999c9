// The three loops that a big heap's time goes to: walking chunks, looking for pointers, marking.
#include <benchmark/benchmark.h>

#include "process/heap/census.h"
#include "process/heap/fake_heap_test_util.h"
#include "process/heap/glibc_walk.h"
#include "process/heap/roots.h"

namespace {

using namespace inquest;
using namespace inquest::process;

constexpr uint64_t kStart = 0x555500000000, kSize = uint64_t{256} << 20, kChunk = 144;

// 256 MiB of chunks of 144 bytes, the mean of a busy service.
struct Heap {
  FakeHeapMemory memory;
  glibc::Arena arena;
  glibc::Region region{{Address(kStart), Address(kStart + kSize / kChunk * kChunk)}, 0, {}};

  Heap() {
    Bytes bytes(kSize);
    for (uint64_t at = 0; at + kChunk <= kSize; at += kChunk) {
      const uint64_t head = kChunk | 1;
      std::memcpy(bytes.data() + at + 8, &head, 8);
    }
    memory.put(Address(kStart), std::move(bytes));
    arena.is_main = true;
  }
};

class CountingSink final : public glibc::WalkSink {
 public:
  bool on_chunk(const glibc::Chunk&, bool) override {
    ++chunks;
    return true;
  }
  bool on_gap(AddressRange) override { return true; }
  void on_damage(HeapDamage) override {}
  uint64_t chunks = 0;
};

void walk_chunks(benchmark::State& state) {
  const Heap heap;
  for (auto _ : state) {
    Words words(heap.memory);
    CountingSink sink;
    glibc::walk(words,
                {.region = heap.region,
                 .arena = heap.arena,
                 .boundaries = {},
                 .from = heap.region.chunks.start,
                 .to = heap.region.chunks.end},
                sink);
    benchmark::DoNotOptimize(sink.chunks);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kSize));
}
BENCHMARK(walk_chunks)->Unit(benchmark::kMillisecond);

void scan_for_pointers(benchmark::State& state) {
  const Heap heap;
  for (auto _ : state) {
    uint64_t found = 0;
    scan_words(heap.memory, heap.region.chunks, {Address(0x7f0000000000), Address(0x7f0000000100)},
               [&](Address, uint64_t) { ++found; });
    benchmark::DoNotOptimize(found);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kSize));
}
BENCHMARK(scan_for_pointers)->Unit(benchmark::kMillisecond);

}  // namespace
