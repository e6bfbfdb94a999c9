// What a heap holds: totals by state, size and type, and the largest blocks. One pass.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "process/heap/heap.h"
#include "process/heap/object_names.h"

namespace inquest::process {

struct Tally {
  uint64_t count = 0;
  uint64_t bytes = 0;      // usable
  uint64_t footprint = 0;  // with headers and rounding

  void add(const Block& block) {
    ++count;
    bytes += block.size;
    footprint += block.footprint;
  }
};

struct SizeRow {
  uint64_t size = 0;  // usable bytes of one block
  Tally live;
};

struct TypeRow {
  std::string mangled;  // see ObjectName
  Address vtable;
  Tally live;
};

struct Census {
  std::array<Tally, 5> states;  // by BlockState
  std::vector<SizeRow> sizes;   // of live blocks, those with the most bytes first
  std::vector<TypeRow> types;   // of live blocks with a virtual table, most bytes first
  std::vector<Block> biggest;   // live, largest first

  const Tally& of(BlockState state) const { return states[static_cast<size_t>(state)]; }
};

// `top`: rows of each list that are kept.
Census take_census(const HeapInput& input, Allocator& allocator, size_t top);

}  // namespace inquest::process
