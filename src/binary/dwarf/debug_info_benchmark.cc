// What names and lines of a stack cost. INQUEST_BENCHMARK_FILE names another file with debug
// information than this program.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "binary/dwarf/debug_info.h"
#include "platform/os/mapped_file.h"

namespace inquest::dwarf {
namespace {

struct Subject {
  Subject() {
    const char* path = std::getenv("INQUEST_BENCHMARK_FILE");
    mapping = std::move(*os::MappedFile::open(path != nullptr ? path : "/proc/self/exe"));
    elf = std::move(*elf::File::parse(mapping.bytes()));
    std::vector<elf::Symbol> functions;
    elf->for_each_symbol([&](const elf::Symbol& symbol) {
      if (symbol.type == 2 && symbol.size > 16) functions.push_back(symbol);
      return true;
    });
    constexpr size_t kFrames = 24;
    for (size_t i = 0; i < kFrames && !functions.empty(); ++i) {
      const auto& symbol = functions[i * functions.size() / kFrames];
      pcs.push_back(symbol.value + symbol.size / 2);
    }
  }
  os::MappedFile mapping;
  std::optional<elf::File> elf;
  std::vector<uint64_t> pcs;
};

void scopes_and_lines(benchmark::State& state) {
  const Subject subject;
  for (auto _ : state) {
    auto info = DebugInfo::open(*subject.elf, &*subject.elf, nullptr, "");
    (*info)->prepare(subject.pcs);
    for (const uint64_t pc : subject.pcs) {
      benchmark::DoNotOptimize((*info)->scopes_at(pc, false));
      benchmark::DoNotOptimize((*info)->line_at(pc));
    }
  }
}
BENCHMARK(scopes_and_lines)->Unit(benchmark::kMillisecond);

void variables(benchmark::State& state) {
  const Subject subject;
  auto info = DebugInfo::open(*subject.elf, &*subject.elf, nullptr, "");
  for (auto _ : state) {
    for (const uint64_t pc : subject.pcs) benchmark::DoNotOptimize((*info)->variables_at(pc));
  }
}
BENCHMARK(variables)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace inquest::dwarf
