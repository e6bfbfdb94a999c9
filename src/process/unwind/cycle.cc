#include "process/unwind/cycle.h"

#include <algorithm>

namespace inquest::process {
namespace {

// Every stretch worth folding has at least so many positions at which pcs[i] == pcs[i + period]:
// kMinFoldedFrames less one period, and kMinRounds less one periods. So looking at each 32nd
// position does not miss it.
constexpr size_t kStride = 32;
static_assert(kMinFoldedFrames * (kMinRounds - 1) / kMinRounds >= kStride);

// The longest run of such positions, as a cycle.
Cycle longest_run(std::span<const uint64_t> pcs, size_t period) {
  const size_t end = pcs.size() - period;
  const auto repeats = [&](size_t i) { return pcs[i] == pcs[i + period]; };
  Cycle best;
  size_t best_length = 0, done = 0;  // all before `done` was looked at
  for (size_t probe = 0; probe < end; probe += kStride) {
    if (probe < done || !repeats(probe)) continue;
    size_t first = probe, last = probe + 1;
    while (first > done && repeats(first - 1)) --first;
    while (last < end && repeats(last)) ++last;
    done = last;
    if (last - first <= best_length) continue;
    best_length = last - first;
    best = {.first = first, .period = period, .count = (best_length + period) / period};
  }
  return best;
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
