// Saying what an input is when it is not a core that we read.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace inquest::process {

// nullopt when `start` (the first bytes of `size`) may be a core of an architecture that we read.
std::optional<Error> reject_input(ByteView start, uint64_t size);

}  // namespace inquest::process
