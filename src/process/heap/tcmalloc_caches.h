// Objects that tcmalloc keeps for reuse outside of their spans: in threads' caches, and in the
// central caches between these. Their spans count them as in use; only these lists tell that they
// were freed.
#pragma once

#include <string>
#include <vector>

#include "process/heap/cached_blocks.h"
#include "process/heap/tcmalloc_spans.h"

namespace inquest::process::tcmalloc {

inline constexpr uint32_t kMaxClasses = 128;

struct Caches {
  std::vector<uint64_t> sizes;      // of the objects of each class; empty: nothing was found
  std::vector<Cached> blocks;       // sorted by address
  std::vector<std::string> places;  // Cached::place - 1 is an index into these
  bool threads_found = false, central_found = false;
  std::vector<HeapDamage> damage;
  std::vector<std::string> notes;

  const Cached* find(Address start) const { return find_cached(blocks, start); }
};

Caches read_caches(const HeapInput& input, const Layout& layout, const SpanMap& map);

}  // namespace inquest::process::tcmalloc
