// A log in which hardly anything crashes, one in JSON, and one of nothing but crashes.
#include <benchmark/benchmark.h>

#include <string>

#include "diagnosis/text/scanner.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kLines = 100'000;
constexpr std::string_view kCrash =
    "late[19608]: segfault at 38 ip 000055b1650ed15d sp 00007fff0fc81b30 error 4 in "
    "late[115d,55b1650ed000+1000] likely on CPU 0 (core 0, socket 0)";

std::string journal(size_t every) {
  std::string text;
  for (size_t i = 0; i < kLines; ++i) {
    text += "Nov 21 11:39:01 web1 ";
    if (i % every == every - 1) {
      text += "kernel: ";
      text += kCrash;
    } else {
      text += "nginx[" + std::to_string(i % 7 + 100) +
              "]: 10.1.2.3 - - \"GET /cart?id=" + std::to_string(i) + " HTTP/1.1\" 200 5316 \"-\"";
    }
    text += '\n';
  }
  return text;
}

std::string records() {
  std::string text;
  for (size_t i = 0; i < kLines; ++i) {
    text += R"({"log":"10.1.2.3 - \"GET /cart?id=)" + std::to_string(i) +
            R"( HTTP/1.1\" 200 5316\n","stream":"stdout","time":"2026-11-21T11:39:01.1Z"})" + "\n";
  }
  return text;
}

void scan(benchmark::State& state, const std::string& text) {
  size_t reports = 0;
  for (auto _ : state) {
    const Scan found = read_reports(text);
    reports = found.reports.size() + found.not_kept;
    benchmark::DoNotOptimize(reports);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) *
                          static_cast<int64_t>(text.size()));
  state.counters["reports/s"] = benchmark::Counter(
      static_cast<double>(reports * state.iterations()), benchmark::Counter::kIsRate);
}

void nothing(benchmark::State& state) { scan(state, journal(kLines + 1)); }
void a_crash_in_1000_lines(benchmark::State& state) { scan(state, journal(1000)); }
void a_crash_in_20000_lines(benchmark::State& state) { scan(state, journal(20'000)); }
void crashes_only(benchmark::State& state) { scan(state, journal(1)); }
void json_records(benchmark::State& state) { scan(state, records()); }
BENCHMARK(nothing);
BENCHMARK(a_crash_in_1000_lines);
BENCHMARK(a_crash_in_20000_lines);
BENCHMARK(crashes_only);
BENCHMARK(json_records);

}  // namespace
}  // namespace inquest::diagnosis
