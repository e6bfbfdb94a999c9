#include "limits.h"

unsigned shard_of(unsigned long key) {
  key ^= key >> 33;
  key *= 0xff51afd7ed558ccdul;
  return (unsigned)(key % limits.shards);  // CRASH
}
