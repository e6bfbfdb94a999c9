// Sparkplug's code: one stretch of machine code for each bytecode, in their order.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"

namespace inquest::process::v8 {

// How long bytecodes are, with operands of one, two and four bytes. Source:
// src/interpreter/bytecodes.h of V8, kBytecodeSizes.
class BytecodeSizes {
 public:
  // Finds V8's own table in the constants of its binary: three rows, of which the second and third
  // follow from each other. nullopt: it is not there.
  static std::optional<BytecodeSizes> find(ByteView constants);

  // Of the bytecode at `offset`, a prefix that widens its operands included; 0: it is cut off, or
  // no bytecode.
  uint64_t size_at(ByteView bytecodes, uint64_t offset) const;

 private:
  std::vector<uint8_t> sizes_;  // three rows
  size_t count_ = 0;            // of a row
};

// The bytecode whose machine code ends at or behind `pc_offset`, which is where a call returns to:
// its offset in `bytecodes`. `table` is what Sparkplug keeps of how long each stretch is. nullopt:
// the table ends before.
std::optional<uint64_t> bytecode_at(const BytecodeSizes& sizes, ByteView table, ByteView bytecodes,
                                    uint64_t pc_offset);

}  // namespace inquest::process::v8
