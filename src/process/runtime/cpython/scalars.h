// Numbers and texts as Python's repr() writes them. Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace inquest::process::cpython {

// An int: its digits in base 2^30, the lowest first.
std::string repr_int(std::span<const uint32_t> digits, bool is_negative);
std::string repr_float(double value);
std::string repr_complex(double real, double imaginary);
// Quoted, with escapes, at most `max` characters of the text; "…" follows when there are more.
std::string repr_text(std::span<const uint32_t> characters, size_t max, bool more);
std::string repr_bytes(ByteView bytes, size_t max, bool more);

}  // namespace inquest::process::cpython
