// The two questions that every frame asks: which module, and which bytes.
#include <benchmark/benchmark.h>

#include "process/input/load.h"
#include "process/modules/modules.h"
#include "testing/core_builder.h"

namespace inquest::process {
namespace {

constexpr uint64_t kFirst = 0x7f0000000000;
constexpr uint64_t kStep = 0x10000;
constexpr uint64_t kMappings = 4096;

Bytes big_core() {
  testing::CoreBuilder builder;
  builder.add_thread({.pc = kFirst});
  for (uint64_t i = 0; i < kMappings; ++i) {
    builder.add_memory(kFirst + i * kStep, 0x1000, 6, Bytes(0x1000, 1));
  }
  return builder.build();
}

ModuleOptions offline() {
  ModuleOptions options;
  options.use_debuginfod = false;
  return options;
}

void load_and_resolve(benchmark::State& state) {
  const Bytes core = big_core();
  for (auto _ : state) {
    const auto image = load_core(core, "core");
    benchmark::DoNotOptimize(ModuleSet::resolve(*image, offline()).all().size());
  }
}
BENCHMARK(load_and_resolve);

void read_words_in_runs(benchmark::State& state) {
  const Bytes core = big_core();
  const auto image = load_core(core, "core");
  const ModuleSet set = ModuleSet::resolve(*image, offline());
  uint64_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(set.memory().load<uint64_t>(Address(kFirst + (at & 0xff8))));
    at += 8;
  }
}
BENCHMARK(read_words_in_runs);

void read_words_all_over(benchmark::State& state) {
  const Bytes core = big_core();
  const auto image = load_core(core, "core");
  const ModuleSet set = ModuleSet::resolve(*image, offline());
  uint64_t at = 0;
  for (auto _ : state) {
    at = at * 6364136223846793005u + 1442695040888963407u;
    benchmark::DoNotOptimize(
        set.memory().load<uint64_t>(Address(kFirst + (at >> 40) % kMappings * kStep)));
  }
}
BENCHMARK(read_words_all_over);

}  // namespace
}  // namespace inquest::process
