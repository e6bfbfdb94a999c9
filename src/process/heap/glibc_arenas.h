// Finding glibc's arenas by their structure. Nothing is taken for granted about the version: an
// arena is 127 pairs of bins of which most point at themselves; where it begins follows from the
// ring of `next` pointers, which must close; sizes of records follow from where they stand.
//
// Source of the structures: glibc 2.31 - 2.43 malloc/malloc.c and arena.c (struct malloc_state,
// heap_info), as documented in its comments.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "process/heap/heap.h"
#include "process/heap/words.h"

namespace inquest::process::glibc {

inline constexpr uint64_t kBinCount = 127;  // pairs, the unsorted bin first
inline constexpr uint64_t kBinBytes = kBinCount * 16;
inline constexpr uint64_t kMaxArenas = 65536;
inline constexpr uint64_t kMinChunk = 0x20, kAlignment = 0x10, kHeader = 0x10;
inline constexpr uint64_t kPrevInUse = 1, kMmapped = 2, kNonMain = 4, kFlags = 7;

// A stretch of chunks that lie side by side.
struct Region {
  AddressRange chunks;  // from the first chunk to the end of the last
  size_t arena = 0;     // index into Arenas::all
  std::optional<Address> top;
};

struct Arena {
  Address state;  // struct malloc_state
  Address bins;   // its bins[]
  bool is_main = false;
  Address top;
  uint64_t system_memory = 0;
  std::string name;
};

struct Arenas {
  std::vector<Arena> all;       // the main arena first
  std::vector<Region> regions;  // by address
  uint64_t bins_offset = 0;     // of bins[] in struct malloc_state
  bool has_fastbins = true;
  bool ring_closed = true;         // all arenas' `next` pointers were followed back to the main one
  const Module* module = nullptr;  // that holds the main arena
  std::vector<std::string> notes;

  const Region* region_at(Address address) const;
  // The fake chunk of a bin: what the links of an empty bin point at.
  static Address bin_chunk(const Arena& arena, uint64_t index) {
    return arena.bins + index * 16 - 16;
  }
};

// One for each glibc in the process (dlmopen makes several) whose malloc was used.
std::vector<Arenas> find_arenas(const HeapInput& input);

// The bytes of writable memory around `address` that follow each other without a hole, at most
// `max` mappings.
AddressRange writable_around(const ProcessImage& image, Address address);

}  // namespace inquest::process::glibc
