#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "diagnosis/text/scanner.h"

namespace {

using namespace inquest::diagnosis;

// A report of `frames` frames a stack, with three stacks and a dump of shadow memory, as a test
// suite leaves them behind by the thousand.
std::string sanitizer_report(size_t frames) {
  std::string text =
      "==71==ERROR: AddressSanitizer: heap-use-after-free on address 0x603000000018 at pc 0x1 bp "
      "0x2 "
      "sp 0x3\nREAD of size 4 at 0x603000000018 thread T0\n";
  const auto stack = [&](std::string_view title) {
    text += title;
    for (size_t i = 0; i < frames; ++i) {
      text += "    #" + std::to_string(i) + " 0x55d" + std::to_string(1000 + i * 16) +
              " in shop::Cart<std::vector<int, std::allocator<int> > >::step" + std::to_string(i) +
              "(shop::Order const&, unsigned long) /home/build/shop/src/cart/step.cc:" +
              std::to_string(i + 10) + ":12\n";
    }
    text += "\n";
  };
  stack("");
  text +=
      "0x603000000018 is located 8 bytes inside of 32-byte region "
      "[0x603000000010,0x603000000030)\n";
  stack("freed by thread T1 here:\n");
  stack("previously allocated by thread T0 here:\n");
  text += "SUMMARY: AddressSanitizer: heap-use-after-free /src/cart.cc:18 in step\n";
  for (int i = 0; i < 11; ++i) {
    text += "  0x0c067fff7fb0: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n";
  }
  return text + "==71==ABORTING\n";
}

void BM_SanitizerLog(benchmark::State& state) {
  const std::string report = sanitizer_report(static_cast<size_t>(state.range(0)));
  std::string log;
  constexpr size_t kSize = 16 << 20;
  while (log.size() < kSize) log += "INFO: running the next test of the suite\n" + report;
  for (auto _ : state) benchmark::DoNotOptimize(read_reports(log).reports.size());
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * log.size()));
}
BENCHMARK(BM_SanitizerLog)->Arg(10)->Arg(60)->Unit(benchmark::kMillisecond);

}  // namespace
