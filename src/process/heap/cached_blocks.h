// Blocks that threads keep for reuse: what the walkers of allocators with such caches share.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "process/heap/heap.h"

namespace inquest::process {

// Where the thread keeps what is its own; nullopt: not recorded, as in cores of qemu-user.
std::optional<uint64_t> thread_pointer(const ProcessImage& image, const Thread& thread);

struct Cached {
  Address start;       // what free() was given
  uint32_t place = 0;  // an index into the allocator's names of places, plus one
};

// In a list that is sorted by address.
const Cached* find_cached(std::span<const Cached> sorted, Address start);

// A sentence and a block for each that stands in the list more than once, at most `most` of them.
std::vector<HeapDamage> freed_twice(std::span<const Cached> sorted,
                                    std::span<const std::string> places,
                                    const std::function<uint64_t(const Cached&)>& size_of,
                                    size_t most);

}  // namespace inquest::process
