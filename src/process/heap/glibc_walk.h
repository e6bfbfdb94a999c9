// One pass over the chunks of a region, with what is wrong on the way.
#pragma once

#include <functional>
#include <span>

#include "process/heap/glibc_chunks.h"

namespace inquest::process::glibc {

// What walk() tells. Returning false ends the walk.
class WalkSink {
 public:
  virtual ~WalkSink() = default;
  virtual bool on_chunk(const Chunk& chunk, bool in_use) = 0;
  // Bytes between two chunks that no chunk explains.
  virtual bool on_gap(AddressRange gap) = 0;
  virtual void on_damage(HeapDamage damage) = 0;
};

struct WalkPlan {
  const Region& region;
  const Arena& arena;
  std::span<const Address> boundaries;  // known to be chunks; sorted
  Address from;                         // a chunk
  Address to;                           // ends with the first chunk at or behind it
};

void walk(Words& words, const WalkPlan& plan, WalkSink& sink);

}  // namespace inquest::process::glibc
