// Cost of a frame: 64 stacks of 208 frames over 21 return addresses, as a busy server has them.
#include <benchmark/benchmark.h>

#include "process/unwind/fake_process.h"

namespace inquest::process {
namespace {

constexpr uint64_t kDepth = 206, kThreads = 64, kDistinct = 21;
constexpr uint64_t kFrame = 0x40;

// One stack after the other in one mapping; every function saves six registers.
struct Server : FakeProcess {
  Server() : FakeProcess(isa::Arch::kX86_64, kThreads * (kDepth + 8) * kFrame) {
    outermost(kText, 0x100);
    const Address in_start = call(kText + 0x40, kText + 0x100);
    std::vector<Address> calls;
    for (uint64_t i = 0; i < kDistinct; ++i) {
      const Address start = kText + 0x100 + 0x100 * i;
      dwarf::CfiRow row;
      row.return_register = isa::x86::kRip;
      row.cfa = {.kind = dwarf::CfaRule::Kind::kRegister, .reg = isa::x86::kRsp, .offset = kFrame};
      row.rules = {{dwarf::RegisterRule::Kind::kAtCfa, isa::x86::kRip, -8, {}}};
      int64_t offset = -16;
      for (const isa::RegisterId id : {isa::x86::kRbp, isa::x86::kR15, isa::x86::kR14,
                                       isa::x86::kR13, isa::x86::kR12, isa::x86::kRbx}) {
        row.rules.push_back({dwarf::RegisterRule::Kind::kAtCfa, id, offset, {}});
        offset -= 8;
      }
      cfi.add(start, 0x100, row);
      calls.push_back(call(start + 0x20, kText + 0x100 + 0x100 * ((i + 1) % kDistinct)));
    }
    for (uint64_t t = 0; t < kThreads; ++t) {
      const Address sp = kStackStart + t * (kDepth + 8) * kFrame;
      uint64_t state = t;
      for (uint64_t i = 0; i < kDepth; ++i) {
        state = state * 6364136223846793005 + 1442695040888963407;
        memory.put(sp + kFrame * (i + 1) - 8, calls[(state >> 33) % kDistinct].value);
      }
      memory.put(sp + kFrame * (kDepth + 1) - 8, in_start.value);
      isa::RegisterFile start(isa::Arch::kX86_64);
      for (isa::RegisterId id = 0; id < 16; ++id) start.set(id, id);
      start.set_pc(kText + 0x110);
      start.set_sp(sp);
      threads.push_back(start);
    }
  }
  std::vector<isa::RegisterFile> threads;
};

void walk_all_threads(benchmark::State& state) {
  Server server;
  size_t frames = 0;
  for (auto unused : state) {
    (void)unused;
    CodeSites sites(server.image, server.memory, server.cfi);
    StackWords words(server.memory);
    for (const isa::RegisterFile& registers : server.threads) {
      const Stack stack = walk_stack(registers, sites, words, {});
      frames += stack.total_frames;
      benchmark::DoNotOptimize(stack.frames.data());
    }
  }
  state.counters["frames"] = static_cast<double>(frames) / static_cast<double>(state.iterations());
  state.SetItemsProcessed(static_cast<int64_t>(frames));
}
BENCHMARK(walk_all_threads)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace inquest::process
