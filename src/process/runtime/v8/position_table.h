// V8's tables of source positions: which place of the source an instruction belongs to.
// Source: src/codegen/source-position-table.h and source-position.h of V8.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace inquest::process::v8 {

struct SourcePosition {
  uint32_t offset = 0;              // characters from the start of the script
  std::optional<uint32_t> inlined;  // index of the inlined call that it belongs to

  // nullopt: no position, or one outside of any script.
  static std::optional<SourcePosition> unpack(int64_t raw);
};

// The position of the last entry at or before `offset`. `has_flag`: offsets have one more bit at
// their low end, as V8 14 writes them. nullopt: no entry, or the table is damaged before it.
std::optional<SourcePosition> position_at(ByteView table, uint64_t offset, bool has_flag);

// A number as those tables have it: seven bits a byte, lowest first, the last byte without its top
// bit. Moves `at` behind it; nullopt at the end of `bytes`, or when it has no end.
std::optional<uint64_t> read_varint(ByteView bytes, uint64_t& at);

}  // namespace inquest::process::v8
