#include "process/unwind/cycle.h"

#include <algorithm>

namespace inquest::process {
namespace {

// The longest run of positions at which pcs[i] == pcs[i + period], as a cycle.
Cycle longest_run(std::span<const uint64_t> pcs, size_t period) {
  size_t best_start = 0, best_length = 0, length = 0;
  for (size_t i = 0; i + period < pcs.size(); ++i) {
    length = pcs[i] == pcs[i + period] ? length + 1 : 0;
    if (length > best_length) {
      best_length = length;
      best_start = i + 1 - length;
    }
  }
  if (best_length == 0) return {};
  return {.first = best_start, .period = period, .count = (best_length + period) / period};
}

}  // namespace

std::optional<Cycle> find_cycle(std::span<const uint64_t> pcs) {
  std::optional<Cycle> best;
  size_t covered = kMinFoldedFrames - 1;
  for (size_t period = 1; period <= std::min(kMaxPeriod, pcs.size() / kMinRounds); ++period) {
    const Cycle cycle = longest_run(pcs, period);
    // Multiples of a period cover as much, but for what the last round leaves over.
    if (cycle.count < kMinRounds || cycle.period * cycle.count <= covered + (best ? kMaxPeriod : 0))
      continue;
    best = cycle;
    covered = cycle.period * cycle.count;
    if (covered > pcs.size() / 2) break;  // nothing else can cover more than the rest
  }
  return best;
}

}  // namespace inquest::process
