#include "process/heap/glibc_mmapped.h"

#include <algorithm>

namespace inquest::process::glibc {
namespace {

constexpr uint64_t kPage = 4096;
// The least threshold from which glibc maps chunks, unless a program set its own.
constexpr uint64_t kUsualThreshold = 128 * 1024;
// Pages below an address that are tried for a header.
constexpr uint64_t kMaxPagesBack = uint64_t{1} << 14;
// Chunks that follow each other from the start of a mapping.
constexpr uint64_t kMaxInARow = uint64_t{1} << 16;
// Pages that are not in the core before the rest of a mapping is given up: it was not dumped.
constexpr uint64_t kMaxAbsent = 65536;
constexpr uint64_t kMaxAlignment = uint64_t{1} << 32;

std::optional<Chunk> within(const Chunk& chunk, Address address) {
  const bool inside = chunk.at <= address && address < chunk.next();
  return inside ? std::optional(chunk) : std::nullopt;
}

}  // namespace

bool MmappedChunks::may_hold(const Mapping& mapping) const {
  if (mapping.protection && (!mapping.protection->write || !mapping.protection->read)) return false;
  const std::string& path = mapping.path;
  if (!path.empty() && !path.starts_with("[anon")) return false;
  if (input_.modules != nullptr && input_.modules->find(mapping.range.start) != nullptr)
    return false;
  return true;
}

std::optional<Chunk> MmappedChunks::at_page(Words& words, Address page,
                                            const AddressRange& around) const {
  const auto before = words.at(page), head = words.at(page + 8);
  if (!before || !head || *before != 0 || (*head & kFlags) != kMmapped) return std::nullopt;
  const Chunk chunk{page, *head};
  if (chunk.size() < kPage || chunk.size() % kPage != 0) return std::nullopt;
  if (chunk.size() > around.end - page) return std::nullopt;
  if (chunk.size() >= kUsualThreshold) return chunk;
  // A small one is believed when it fills its mapping or another one follows.
  if (chunk.next() == around.end) return chunk;
  const auto next = words.at(chunk.next() + 8);
  const bool followed = next && (*next & kFlags) == kMmapped && (*next & ~kFlags) % kPage == 0 &&
                        (*next & ~kFlags) != 0;
  return followed ? std::optional(chunk) : std::nullopt;
}

// memalign() leaves the page's header as it was and puts a second one in front of the aligned
// block: how far in, and how much is left.
Chunk MmappedChunks::aligned_within(Words& words, const Chunk& whole) const {
  for (uint64_t alignment = 2 * kAlignment; alignment <= kMaxAlignment; alignment *= 2) {
    const Address block((whole.memory().value + alignment - 1) & ~(alignment - 1));
    const Address at = block - kHeader;
    if (at >= whole.next() || at <= whole.at) continue;
    const auto lead = words.at(at), head = words.at(at + 8);
    if (!lead || !head || *lead != at - whole.at) continue;
    if ((*head & kFlags) == kMmapped && (*head & ~kFlags) == whole.next() - at) return {at, *head};
  }
  return whole;
}

std::optional<Chunk> MmappedChunks::find(Words& words, Address address) const {
  const Mapping* mapping = input_.image.mapping_at(address);
  if (mapping == nullptr || !may_hold(*mapping)) return std::nullopt;
  const AddressRange around = writable_around(input_.image, address);
  Address page = around.start;
  for (uint64_t n = 0; n < kMaxInARow; ++n) {
    const auto chunk = at_page(words, page, around);
    if (!chunk) break;
    if (address < chunk->next()) return within(aligned_within(words, *chunk), address);
    page = chunk->next();
  }
  page = address.page();
  for (uint64_t n = 0; n < kMaxPagesBack; ++n, page = page - kPage) {
    if (const auto chunk = at_page(words, page, around)) {
      return within(aligned_within(words, *chunk), address);
    }
    if (page <= around.start || arenas_.region_at(page - 1) != nullptr) return std::nullopt;
  }
  return std::nullopt;
}

void MmappedChunks::each(Words& words, const std::function<bool(const Chunk&)>& visit) const {
  Address done;
  for (const Mapping& mapping : input_.image.mappings) {
    if (mapping.range.start < done || !may_hold(mapping)) continue;
    const AddressRange around = writable_around(input_.image, mapping.range.start);
    done = around.end;
    uint64_t absent = 0;
    for (Address page = mapping.range.start; page < around.end && absent < kMaxAbsent;) {
      const Region* region = arenas_.region_at(page);
      const auto chunk = region == nullptr ? at_page(words, page, around) : std::nullopt;
      if (chunk && !visit(aligned_within(words, *chunk))) return;
      absent = words.at(page) ? 0 : absent + 1;
      const Address next = region != nullptr ? (region->chunks.end + (kPage - 1)).page()
                           : chunk           ? chunk->next()
                                             : page + kPage;
      if (next <= page) return;  // the end of the address space
      page = next;
    }
  }
}

}  // namespace inquest::process::glibc
