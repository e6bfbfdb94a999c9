// What a function does with memory that it is given the address of: does it write there, on every
// way through, or on some only?
#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "diagnosis/facts/origin_code.h"

namespace inquest::diagnosis {

enum class Fills : uint8_t {
  kUnknown,    // its code is not at hand, or too much of it
  kNever,      // it only reads there
  kSometimes,  // some way from its start to its end does not write there
  kAlways,
};

// What lies `offset` bytes behind the address passed in `argument` to the function at `entry`,
// `size` bytes of it. Calls in it are followed two deep.
Fills fills(OriginCode& code, Address entry, isa::RegisterId argument, int64_t offset,
            uint32_t size);

// Is there a way from the function's start to one of its returns that meets none of `places`?
bool has_way_around(const process::FunctionCode& code, const std::set<size_t>& places);

// Does the code behind the call at `call` overwrite or leave what it returned without a look?
bool ignores_result(const process::FunctionCode& code, size_t call);

}  // namespace inquest::diagnosis
