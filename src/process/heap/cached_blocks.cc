#include "process/heap/cached_blocks.h"

#include <fmt/format.h>

#include <algorithm>

namespace inquest::process {

std::optional<uint64_t> thread_pointer(const ProcessImage& image, const Thread& thread) {
  return thread.registers.get(image.arch == isa::Arch::kX86_64 ? isa::x86::kFsBase
                                                               : isa::a64::kTpidr);
}

const Cached* find_cached(std::span<const Cached> sorted, Address start) {
  const auto at = std::ranges::lower_bound(sorted, start, {}, &Cached::start);
  return at != sorted.end() && at->start == start ? &*at : nullptr;
}

std::vector<HeapDamage> freed_twice(std::span<const Cached> sorted,
                                    std::span<const std::string> places,
                                    const std::function<uint64_t(const Cached&)>& size_of,
                                    size_t most) {
  std::vector<HeapDamage> found;
  for (size_t i = 1; i < sorted.size() && found.size() < most; ++i) {
    const Cached& a = sorted[i - 1];
    const Cached& b = sorted[i];
    const bool told_before = i > 1 && sorted[i - 2].start == a.start;
    if (a.start != b.start || told_before) continue;
    const std::string& first = places[a.place - 1];
    const std::string where =
        a.place == b.place ? "twice in " + first : "in " + first + " and in " + places[b.place - 1];
    const uint64_t size = size_of(a);
    found.push_back({.kind = HeapDamage::Kind::kDoubleFree,
                     .at = a.start,
                     .what = fmt::format("the block at {} was freed twice: it stands {}",
                                         to_hex(a.start), where),
                     .block = Block{.start = a.start,
                                    .size = size,
                                    .footprint = size,
                                    .state = BlockState::kFreed,
                                    .place = a.place},
                     .overflown = {}});
  }
  return found;
}

}  // namespace inquest::process
