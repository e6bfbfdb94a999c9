// Live blocks that nothing leads to: most likely leaked.
//
// Conservative, as a garbage collector is: every aligned word of a register, a stack, a global or
// other writable memory that is no heap counts as a pointer when it lies in a block (also in its
// middle), and so does every word of a block that was reached. Pointers that are stored unaligned,
// compressed, or xored are not seen: such blocks look leaked.
#pragma once

#include <vector>

#include "process/heap/census.h"
#include "process/heap/heap.h"

namespace inquest::process {

struct Unreachable {
  Tally all;
  Tally direct;  // those that no other unreachable block points at: each the head of a leak
  std::vector<SizeRow> sizes;  // of the heads, most bytes first
  std::vector<Block> biggest;  // heads, largest first
};

// `top`: rows that are kept.
Unreachable find_unreachable(const HeapInput& input,
                             std::span<const std::unique_ptr<Allocator>> allocators, size_t top);

}  // namespace inquest::process
