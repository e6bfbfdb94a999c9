#include "process/heap/glibc_regions.h"

#include <fmt/format.h>

#include <algorithm>

#include "process/heap/glibc_chunks.h"

namespace inquest::process::glibc {
namespace {

// From bins[] to the end of struct malloc_state: bins, bitmap, next, next_free, attached_threads,
// system_mem, max_system_mem.
constexpr uint64_t kBinsToEnd = kBinBytes + 16 + 5 * 8;
// HEAP_MAX_SIZE; with huge pages (since 2.35) it is another power of two.
constexpr uint64_t kHeapAlignments[] = {uint64_t{64} << 20, uint64_t{8} << 20,  uint64_t{128} << 20,
                                        uint64_t{4} << 30,  uint64_t{16} << 20, uint64_t{1} << 20};
constexpr uint64_t kMaxHeaps = 8192;
constexpr size_t kMaxRegions = 16384, kMaxOrphans = 16;
constexpr uint64_t kPage = 4096;
// A walk that proves a start: so many chunks, or up to the top.
constexpr uint64_t kProvingRun = 4096;
constexpr uint64_t kMaxPagesTried = 65536;
constexpr uint64_t kMaxBinned = 4096;

Address round_up(Address address) {
  return Address((address.value + kAlignment - 1) & ~(kAlignment - 1));
}

class RegionFinder {
 public:
  RegionFinder(const HeapInput& input, Arenas& arenas)
      : input_(input), arenas_(arenas), words_(input.memory) {}

  void find() {
    for (size_t i = 0; i < arenas_.all.size(); ++i) {
      if (arenas_.all[i].is_main) {
        add_top_of_main(i);
        add_orphans(i);
      } else {
        add_heaps(i);
      }
    }
    std::sort(arenas_.regions.begin(), arenas_.regions.end(),
              [](const Region& a, const Region& b) { return a.chunks.start < b.chunks.start; });
    drop_overlaps();
  }

 private:
  bool add(Region region) {
    if (region.chunks.start >= region.chunks.end) return false;
    if (arenas_.regions.size() >= kMaxRegions) return false;
    for (const Region& other : arenas_.regions) {
      if (other.chunks.start < region.chunks.end && region.chunks.start < other.chunks.end)
        return false;
    }
    arenas_.regions.push_back(region);
    return true;
  }

  // Damaged records may claim the same memory twice.
  void drop_overlaps() {
    auto& all = arenas_.regions;
    Address end;
    std::erase_if(all, [&](const Region& r) {
      const bool overlaps = r.chunks.start < end;
      if (!overlaps) end = r.chunks.end;
      return overlaps;
    });
  }

  // Do chunks follow each other from `start` to `target`, as far as is worth walking?
  bool is_chain(Address start, Address target, Address end) {
    const Region region{{start, end}, 0, std::nullopt};
    const Chunks::Run run = Chunks(words_, region, true).run(start, target, kProvingRun);
    return !run.broken && (run.stop == target || run.chunks == kProvingRun);
  }

  // The main arena's newest stretch ends with its top; system_mem tells how long it is when all of
  // it came from brk.
  void add_top_of_main(size_t index) {
    const Arena& arena = arenas_.all[index];
    if (arena.top == Arenas::bin_chunk(arena, 0)) return;  // nothing was ever taken from it
    const AddressRange around = writable_around(input_.image, arena.top);
    if (around.size() == 0) {
      arenas_.notes.push_back(
          fmt::format("the main arena's top pointer {} leads nowhere", to_hex(arena.top)));
      return add_named_heap(index);
    }
    Address end = around.end;
    if (const auto head = words_.at(arena.top + 8)) {
      const uint64_t size = *head & ~kFlags;
      if (size % kAlignment == 0 && size >= kHeader && size <= around.end - arena.top)
        end = arena.top + size;
    }
    const Address start = start_of_main(arena, around, end);
    add({{start, end}, index, arena.top});
  }

  Address start_of_main(const Arena& arena, const AddressRange& around, Address end) {
    const Address by_size = round_up(end - arena.system_memory);
    const bool inside = arena.system_memory != 0 && around.start <= by_size && by_size <= arena.top;
    if (inside && (by_size == around.start || is_chain(by_size, arena.top, end))) return by_size;
    if (is_chain(around.start, arena.top, end)) return around.start;
    const auto found = first_chain({around.start, arena.top}, arena.top, end);
    if (found) return *found;
    return inside ? by_size : around.start;
  }

  // The first page of `range` from which chunks follow each other up to `target`.
  std::optional<Address> first_chain(const AddressRange& range, Address target, Address end) {
    uint64_t tried = 0;
    for (Address at = range.start; at < range.end && tried < kMaxPagesTried; ++tried) {
      if (is_chain(at, target, end)) return at;
      at = (at + kPage).page();
    }
    return std::nullopt;
  }

  // The top pointer is damaged: the brk heap by its name or place.
  void add_named_heap(size_t index) {
    for (const Mapping& mapping : input_.image.mappings) {
      if (mapping.path != "[heap]") continue;
      add({mapping.range, index, std::nullopt});
      return;
    }
  }

  // When brk could not grow, the main arena goes on in mmapped memory, and older stretches keep
  // free chunks: their links lead there.
  void add_orphans(size_t index) {
    const Arena& arena = arenas_.all[index];
    for (uint64_t bin = 0; bin < kBinCount; ++bin) {
      const Address head = Arenas::bin_chunk(arena, bin);
      Address at = head;
      for (uint64_t n = 0; n < kMaxBinned; ++n) {
        const auto next = words_.at(at + 16);
        if (!next || Address(*next) == head || *next % kAlignment != 0) break;
        at = Address(*next);
        if (!is_known(at) && ++orphans_ <= kMaxOrphans) add_stretch_around(index, at);
      }
    }
  }

  bool is_known(Address address) const {
    return std::any_of(arenas_.regions.begin(), arenas_.regions.end(),
                       [&](const Region& r) { return r.chunks.contains(address); });
  }

  void add_stretch_around(size_t index, Address chunk) {
    const AddressRange around = writable_around(input_.image, chunk);
    if (around.size() == 0) return;
    const auto start = first_chain({around.start, chunk + 1}, chunk, around.end);
    if (!start) return;
    const Region whole{{*start, around.end}, index, std::nullopt};
    // Its end: two fences, or the end of the mapping.
    Chunks chunks(words_, whole, true);
    Address at = *start;
    while (at < around.end) {
      const auto next = chunks.read(at);
      if (!next || !chunks.is_valid(*next) || next->size() == 0) break;
      at = next->next();
    }
    add({{*start, at}, index, std::nullopt});
  }

  void add_heaps(size_t index) {
    const Arena& arena = arenas_.all[index];
    const Address first = arena.state.page();
    const auto owner = words_.at(first);
    if (!owner || Address(*owner) != arena.state) {
      arenas_.notes.push_back(
          fmt::format("{} has no heap_info in front of it: its heap was not read", arena.name));
      return;
    }
    const uint64_t info_size = arena.state - first;
    add_heap(index, first, round_up(arena.bins + kBinsToEnd));
    // The newest heap holds the top; each names the one before.
    Address heap = heap_of_top(arena).value_or(first);
    for (uint64_t n = 0; heap != first && n < kMaxHeaps; ++n) {
      add_heap(index, heap, round_up(heap + info_size));
      const auto previous = words_.at(heap + 8);
      const auto its_owner = previous ? words_.at(Address(*previous)) : std::nullopt;
      if (!its_owner || Address(*its_owner) != arena.state) break;
      heap = Address(*previous);
    }
  }

  std::optional<Address> heap_of_top(const Arena& arena) {
    for (const uint64_t alignment : kHeapAlignments) {
      const Address heap(arena.top.value & ~(alignment - 1));
      const auto owner = words_.at(heap);
      if (owner && Address(*owner) == arena.state) return heap;
    }
    return std::nullopt;
  }

  void add_heap(size_t index, Address heap, Address first_chunk) {
    const Arena& arena = arenas_.all[index];
    const Address limit = writable_around(input_.image, heap).end;
    const auto size = words_.at(heap + 16);
    Address end = limit;
    if (size && *size >= kHeader && *size <= limit - heap) end = heap + *size;
    const AddressRange range{first_chunk, end};
    add({range, index, range.contains(arena.top) ? std::optional(arena.top) : std::nullopt});
  }

  const HeapInput& input_;
  Arenas& arenas_;
  Words words_;
  size_t orphans_ = 0;
};

}  // namespace

void find_regions(const HeapInput& input, Arenas& arenas) { RegionFinder(input, arenas).find(); }

}  // namespace inquest::process::glibc
