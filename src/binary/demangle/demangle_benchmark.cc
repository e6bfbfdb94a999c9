#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "binary/demangle/demangle.h"
#include "binary/demangle/names.h"

namespace {

namespace demangle = inquest::demangle;

constexpr std::string_view kCxx =
    "_ZNSt3mapINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEiSt4lessIS5_ESaISt4pairIKS5_iEEE"
    "2atERS9_";
constexpr std::string_view kRust =
    "_RNvMsr_NtCs3ssYzQotkvD_3std4pathNtB5_7PathBuf3newCs15kBYyAo9fc_7mycrate";

void BM_Demangle(benchmark::State& state, std::string_view symbol) {
  for (auto _ : state) benchmark::DoNotOptimize(demangle::demangle(symbol));
}
BENCHMARK_CAPTURE(BM_Demangle, cxx, kCxx);
BENCHMARK_CAPTURE(BM_Demangle, rust, kRust);

void BM_DemangleLongNameOnItsOwnStack(benchmark::State& state) {
  std::string symbol = "_Z1f";
  while (symbol.size() < 2000) symbol += "10a_some_typeIiE";
  for (auto _ : state) benchmark::DoNotOptimize(demangle::demangle(symbol));
}
BENCHMARK(BM_DemangleLongNameOnItsOwnStack);

// Every substitution doubles the output: stopped at kMaxDemangledSize.
void BM_DemangleHostile(benchmark::State& state) {
  constexpr std::string_view kSymbol =
      "_Z1f1AIS_S_E1BIS0_S0_E1BIS2_S2_E1BIS4_S4_E1BIS6_S6_E1BIS8_S8_E1BISA_SA_E1BISC_SC_E1BISE_SE_E"
      "1BISG_SG_E1BISI_SI_E1BISK_SK_E1BISM_SM_E1BISO_SO_E1BISQ_SQ_E1BISS_SS_E1BISU_SU_E1BISW_SW_E";
  for (auto _ : state) benchmark::DoNotOptimize(demangle::demangle(kSymbol));
}
BENCHMARK(BM_DemangleHostile);

void BM_SimplifyCxx(benchmark::State& state) {
  const std::string name = demangle::demangle(kCxx);
  for (auto _ : state) benchmark::DoNotOptimize(demangle::simplify_cxx(name));
}
BENCHMARK(BM_SimplifyCxx);

}  // namespace
