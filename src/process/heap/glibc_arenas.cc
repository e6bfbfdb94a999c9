#include "process/heap/glibc_arenas.h"

#include <fmt/format.h>

#include <algorithm>

#include "process/heap/glibc_regions.h"

namespace inquest::process::glibc {
namespace {

// Writable data of modules larger than this is not searched for an arena beyond this size.
constexpr uint64_t kMaxSearched = uint64_t{64} << 20;
// Bins that must be empty, and pairs that may be anything: one in flux, one overwritten.
constexpr uint64_t kMinEmptyBins = 24, kMaxBadBins = 2;
// Pairs in front of the bins that may look like bins: no more than the fastbins and the top.
constexpr uint64_t kMaxShift = 8;
// struct malloc_state begins with a lock, flags and (until 2.42) the fastbins: where bins[] may be.
constexpr uint64_t kUsualBinsOffset = 0x70, kMinBinsOffset = 0x18, kMaxBinsOffset = 0x98;
// From bins[] to `next`: the bins and their bitmap.
// What an arena takes from the system at the least; more than a count of threads.
constexpr uint64_t kMinSystemMemory = 0x10000;
constexpr uint64_t kNextFromBins = kBinBytes + 16;

bool is_writable(const Mapping& mapping) {
  return !mapping.protection || mapping.protection->write;
}

struct Area {
  AddressRange range;
  const Module* module = nullptr;
};

int rank(const Module& module) {
  if (module.name.starts_with("libc.so") || module.name.starts_with("libc-2.")) return 0;
  return module.is_main ? 1 : 2;
}

// Where a main arena may be: writable data of the C library, of a static program, of any module.
std::vector<Area> searched_areas(const HeapInput& input, bool in_modules) {
  std::vector<Area> areas;
  for (const Mapping& mapping : input.image.mappings) {
    if (!is_writable(mapping) || mapping.path == "[heap]" || mapping.path == "[stack]") continue;
    Area area{mapping.range, nullptr};
    if (area.range.size() > kMaxSearched) area.range.end = area.range.start + kMaxSearched;
    if (input.modules != nullptr) area.module = input.modules->find(mapping.range.start);
    if ((area.module != nullptr) != in_modules) continue;
    areas.push_back(area);
  }
  std::sort(areas.begin(), areas.end(), [](const Area& a, const Area& b) {
    const int first = a.module != nullptr ? rank(*a.module) : 0;
    const int second = b.module != nullptr ? rank(*b.module) : 0;
    return first != second ? first < second : a.range.start < b.range.start;
  });
  return areas;
}

bool is_mapped_chunk(const ProcessImage& image, uint64_t value) {
  return value % kAlignment == 0 && image.mapping_at(Address(value)) != nullptr;
}

// Are there 127 pairs of bins from offset `at` of `bytes` on, which lie at `base`? How many of them
// are neither empty nor lead to mapped memory, or nullopt.
std::optional<uint64_t> bad_bins(const ProcessImage& image, ByteView bytes, Address base,
                                 uint64_t at) {
  uint64_t empty = 0, bad = 0;
  for (uint64_t i = kBinCount; i-- > 0;) {
    const uint64_t fd = *load<uint64_t>(bytes, at + 16 * i);
    const uint64_t bk = *load<uint64_t>(bytes, at + 16 * i + 8);
    const uint64_t self = (base + at + 16 * i - 16).value;
    if (fd == self && bk == self) {
      ++empty;
    } else if (fd == 0 || bk == 0 || !is_mapped_chunk(image, fd) || !is_mapped_chunk(image, bk)) {
      if (++bad > kMaxBadBins) return std::nullopt;
    }
  }
  return empty >= kMinEmptyBins ? std::optional(bad) : std::nullopt;
}

// The arenas of the ring that the main arena with these bins is in, the main one first; empty when
// it does not close with bins[] at `offset`.
std::vector<Address> ring(const HeapInput& input, Address bins, uint64_t offset) {
  const Address start = bins - offset;
  std::vector<Address> found{start};
  Address at = start;
  while (found.size() <= kMaxArenas) {
    const auto next = input.memory.load_pointer(at + offset + kNextFromBins);
    if (!next || next->is_null()) return {};
    if (*next == start) return found;
    if (next->value % kAlignment != 0 || *next == at) return {};
    found.push_back(*next);
    at = *next;
  }
  return {};
}

Arena describe(const HeapInput& input, Address state, uint64_t offset) {
  Arena arena;
  arena.state = state;
  arena.bins = state + offset;
  arena.top = input.memory.load_pointer(arena.bins - 16).value_or(Address(0));
  // system_mem stands behind next, next_free and (since 2.23) attached_threads.
  const Address next = arena.bins + kNextFromBins;
  const uint64_t attached = input.memory.load<uint64_t>(next + 0x10).value_or(0);
  arena.system_memory = attached >= kMinSystemMemory
                            ? attached
                            : input.memory.load<uint64_t>(next + 0x18).value_or(0);
  return arena;
}

Arenas describe_ring(const HeapInput& input, const Area& area, Address bins) {
  Arenas arenas;
  arenas.module = area.module;
  std::vector<Address> states;
  const auto attempt = [&](uint64_t offset) {
    if (states.empty()) states = ring(input, bins, offset);
    if (!states.empty() && arenas.bins_offset == 0) arenas.bins_offset = offset;
  };
  attempt(kUsualBinsOffset);
  for (uint64_t d = kMinBinsOffset; d <= kMaxBinsOffset && states.empty(); d += 8) attempt(d);
  if (states.empty()) {
    arenas.ring_closed = false;
    arenas.bins_offset = kUsualBinsOffset;
    states.push_back(bins - kUsualBinsOffset);
    arenas.notes.emplace_back(
        "the ring of glibc's arenas does not close: only the main arena was read");
  }
  arenas.has_fastbins = arenas.bins_offset >= 0x10 + 10 * 8 + 8;
  for (const Address state : states) {
    arenas.all.push_back(describe(input, state, arenas.bins_offset));
    Arena& arena = arenas.all.back();
    arena.is_main = arenas.all.size() == 1;
    arena.name = arena.is_main ? "the main arena" : fmt::format("the arena at {}", to_hex(state));
  }
  return arenas;
}

// What stands in front of the bins (the top, fastbins) may pass for more of them: of the places
// that fit, the one from which the ring closes, else the last one with the fewest bad bins.
Arenas best_fit(const HeapInput& input, const Area& area, ByteView bytes, uint64_t at) {
  std::optional<Arenas> best;
  uint64_t least_bad = kMaxBadBins + 1;
  for (uint64_t shift = 0; shift <= kMaxShift; ++shift) {
    const uint64_t place = at + 16 * shift;
    if (place > bytes.size() - kBinBytes) break;
    const auto bad = bad_bins(input.image, bytes, area.range.start, place);
    if (!bad) continue;
    Arenas arenas = describe_ring(input, area, area.range.start + place);
    if (arenas.ring_closed) return arenas;
    if (*bad > least_bad) continue;
    least_bad = *bad;
    best = std::move(arenas);
  }
  return std::move(*best);
}

}  // namespace

AddressRange writable_around(const ProcessImage& image, Address address) {
  const Mapping* mapping = image.mapping_at(address);
  if (mapping == nullptr) return {address, address};
  AddressRange range = mapping->range;
  const auto index = static_cast<size_t>(mapping - image.mappings.data());
  for (size_t i = index; i-- > 0;) {
    const Mapping& below = image.mappings[i];
    if (below.range.end != range.start || !is_writable(below) || below.path != mapping->path) break;
    range.start = below.range.start;
  }
  for (size_t i = index + 1; i < image.mappings.size(); ++i) {
    const Mapping& above = image.mappings[i];
    if (above.range.start != range.end || !is_writable(above) || above.path != mapping->path) break;
    range.end = above.range.end;
  }
  return range;
}

const Region* Arenas::region_at(Address address) const {
  const auto after =
      std::upper_bound(regions.begin(), regions.end(), address,
                       [](Address a, const Region& r) { return a < r.chunks.start; });
  if (after == regions.begin()) return nullptr;
  const Region& region = *std::prev(after);
  return region.chunks.contains(address) ? &region : nullptr;
}

namespace {

void search(const HeapInput& input, bool in_modules, std::vector<Arenas>& found) {
  std::optional<int> found_in;
  for (const Area& area : searched_areas(input, in_modules)) {
    const int of_area = area.module == nullptr ? 0 : rank(*area.module);
    // The program is searched only when no C library has one, others only when neither has.
    if (found_in && (area.module == nullptr || of_area > *found_in)) break;
    const ByteView bytes = input.memory.view(area.range.start, area.range.size());
    for (uint64_t at = 16; bytes.size() >= kBinBytes && at <= bytes.size() - kBinBytes; at += 8) {
      if (!bad_bins(input.image, bytes, area.range.start, at)) continue;
      Arenas arenas = best_fit(input, area, bytes, at);
      at += kBinBytes - 8;
      find_regions(input, arenas);
      found.push_back(std::move(arenas));
      found_in = of_area;
    }
  }
}

}  // namespace

std::vector<Arenas> find_arenas(const HeapInput& input) {
  std::vector<Arenas> found;
  search(input, true, found);
  // Cores of old kernels name no files: then it may be any writable memory.
  if (found.empty()) search(input, false, found);
  return found;
}

}  // namespace inquest::process::glibc
