// The cycle of a deep recursion, found in the return addresses of a stack.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "process/unwind/frame.h"

namespace inquest::process {

inline constexpr size_t kMaxPeriod = 64;
inline constexpr size_t kMinFoldedFrames = 64;  // shorter repetitions are shown as they are
inline constexpr size_t kMinRounds = 3;

// The stretch of `pcs` that repeats with a period of up to kMaxPeriod and covers the most frames,
// the shortest period of those; nullopt when none is worth folding.
std::optional<Cycle> find_cycle(std::span<const uint64_t> pcs);

}  // namespace inquest::process
