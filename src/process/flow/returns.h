// find_returns: what a function hands back, as far as its code alone tells.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "process/flow/frame_flow.h"

namespace inquest::process {

// One way in which the returned value comes to be.
struct Returned {
  enum class Kind : uint8_t {
    kConstant,  // `value`
    kCall,      // what the call at `at` returned
    kLoad,      // what the instruction at `at` loads
    kArgument,  // what the function was given in `argument`
    kOther,     // computed, or lost
  };
  Kind kind = Kind::kOther;
  size_t at = 0;  // the instruction that makes it
  uint64_t value = 0;
  isa::RegisterId argument = 0;

  auto operator<=>(const Returned&) const = default;
};

inline constexpr size_t kMaxReturned = 16;

// Where what `spot` holds before `at` may come from, within the function.
std::vector<Returned> find_sources(FrameFlow& flow, size_t at, const Spot& spot,
                                   std::optional<uint64_t> only);
// Of all returns of the function. `only`: those alone that may be this value (constants that are
// another one are left out, and ways through branches that test the value).
std::vector<Returned> find_returns(FrameFlow& flow, std::optional<uint64_t> only);

}  // namespace inquest::process
