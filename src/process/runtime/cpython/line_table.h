// From the instruction of a code object to its line. Three formats:
// - up to 3.9 co_lnotab (Objects/lnotab_notes.txt of 3.6 to 3.9),
// - 3.10 co_linetable (the same file of 3.10; PEP 626),
// - from 3.11 on co_linetable with columns (Objects/locations.md of 3.11).
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace inquest::process::cpython {

enum class LineFormat : uint8_t { kLineNumbers, kRanges, kLocations };

struct CodePlace {
  uint32_t line = 0;
  uint32_t column = 0;  // from 1, in bytes of UTF-8; 0: not told
};

// `offset` is that of the instruction, in bytes from the start of the code; negative: the code was
// not begun, which is its first line. nullopt: the table gives this instruction no line.
std::optional<CodePlace> place_of(LineFormat format, ByteView table, uint32_t first_line,
                                  int64_t offset);

}  // namespace inquest::process::cpython
