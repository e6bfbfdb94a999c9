// Blocks that threads keep for reuse: jemalloc's tcaches. Their slabs count them as in use; only
// the caches tell that they were freed.
//
// A thread's cache is a row of bins, one a size class, in its thread-local storage. It is found by
// that row's shape, and proved by what the bins hold: blocks of the size class of their place.
#pragma once

#include <string>
#include <vector>

#include "process/heap/cached_blocks.h"
#include "process/heap/jemalloc_pages.h"

namespace inquest::process::jemalloc {

struct Caches {
  std::vector<Cached> blocks;       // sorted by address
  std::vector<Address> stacks;      // memory of the caches themselves: an address in each
  std::vector<std::string> places;  // Cached::place - 1 is an index into these
  bool found = false;               // the cache of at least one thread
  std::vector<HeapDamage> damage;
  std::vector<std::string> notes;

  const Cached* find(Address start) const { return find_cached(blocks, start); }
};

Caches read_caches(const HeapInput& input, const PageMap& map, const SizeClasses& classes);

}  // namespace inquest::process::jemalloc
