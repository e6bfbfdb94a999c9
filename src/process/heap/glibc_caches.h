// Blocks that glibc keeps for quick reuse: each thread's tcache, and the fastbins of arenas. To the
// chunks around them they look as if they were in use; only these lists tell that they are free.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "process/heap/glibc_arenas.h"
#include "process/heap/heap.h"
#include "process/heap/words.h"

namespace inquest::process::glibc {

struct Cached {
  Address memory;  // what free() was given
  uint32_t place = 0;
};

struct Tcache {
  Address at;         // struct tcache_perthread_struct
  std::string whose;  // "thread 17"; "a thread" when it is not known which
  uint64_t bins = 64;
  uint64_t count_size = 2;     // bytes of one counter; before 2.30: 1
  bool counts_entries = true;  // since 2.42 the counters say how many more would fit
};

struct Caches {
  std::vector<Cached> blocks;  // sorted by address
  std::vector<Tcache> tcaches;
  bool mangled = true;              // links are protected (since 2.32)
  std::optional<uint64_t> key;      // that free() leaves in the second word of a tcache's blocks
  std::vector<std::string> places;  // Cached::place - 1 is an index into these
  std::vector<HeapDamage> damage;
  std::vector<std::string> notes;

  const Cached* find(Address memory) const;
};

Caches read_caches(const HeapInput& input, const Arenas& arenas);

// The tcache of each thread, found through the thread's TLS, else at the start of arenas.
std::vector<Tcache> find_tcaches(const HeapInput& input, const Arenas& arenas);
// Could a tcache_perthread_struct lie here?
std::optional<Tcache> tcache_at(const ProcessImage& image, Words& words, Address at);
// Counter and head of list of bin `index`; nullopt when they are not there.
std::optional<uint64_t> count_of(Words& words, const Tcache& tcache, uint64_t index);
std::optional<Address> head_of(Words& words, const Tcache& tcache, uint64_t index);

}  // namespace inquest::process::glibc
