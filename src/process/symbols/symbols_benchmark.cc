// A record's way through the index, as a warm run takes it.
#include <benchmark/benchmark.h>

#include "process/symbols/function_record.h"
#include "process/symbols/symbol_index.h"

namespace inquest::process {
namespace {

const BuildId kId(Bytes(20, 7));

FunctionRecord big_record() {
  FunctionRecord record;
  record.source = NameSource::kDwarf;
  record.ranges = {{0x1000, 0x9000}};
  record.scopes.push_back(
      {.linkage_name = "_ZN4shop5quoteEi", .start = 0x1000, .ranges = record.ranges});
  for (uint64_t i = 0; i < 300; ++i)
    record.scopes.push_back({.linkage_name = "_ZN4shop8price_ofEi",
                             .call_file = "/src/shop.cc",
                             .call_line = 3,
                             .parent = 0,
                             .ranges = {{0x1000 + i, 0x1001 + i}}});
  record.files = {"/src/shop.cc"};
  for (uint64_t i = 0; i < 2000; ++i) record.lines.push_back({0x1000 + i * 4, 0, 7, 1});
  return record;
}

void answer_from_index(benchmark::State& state) {
  IndexAdditions additions;
  const Bytes bytes = encode(big_record());
  for (uint64_t i = 0; i < 200; ++i)
    additions.records.push_back({{{i * 0x10000, i * 0x10000 + 0x9000}}, 0, bytes});
  const Bytes file = merge_index(kId, nullptr, additions);
  for (auto _ : state) {
    const auto view = SymbolIndexView::parse(file, kId);
    const auto range = view->find(0x51010);
    const auto record = decode_function_record(*view->record(*range));
    benchmark::DoNotOptimize(record->frames_at(0x1010));
  }
}
BENCHMARK(answer_from_index)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace inquest::process
