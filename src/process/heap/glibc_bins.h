// The bins of glibc's arenas: doubly linked lists of free chunks that are in no cache.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "process/heap/glibc_arenas.h"
#include "process/heap/heap.h"
#include "process/heap/words.h"

namespace inquest::process::glibc {

struct Bins {
  // Chunks that the lists prove to begin here: each is linked both ways. Sorted.
  std::vector<Address> chunks;
  std::vector<HeapDamage> damage;
  std::vector<std::string> notes;
};

// Follows all bins of all arenas, up to a number of entries that takes well under a second.
Bins read_bins(const HeapInput& input, const Arenas& arenas);

// "the unsorted bin of the main arena": the list that this free chunk is linked into; nullopt when
// its links do not lead to one.
std::optional<std::string> bin_of(Words& words, const Arenas& arenas, Address chunk);

}  // namespace inquest::process::glibc
