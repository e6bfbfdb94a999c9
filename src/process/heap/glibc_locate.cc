// From an address to the chunk that holds it, without walking the heap from its start.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "process/heap/glibc_heap.h"

namespace inquest::process::glibc {
namespace {

// Chunks walked from a known boundary before the surroundings alone must do.
constexpr uint64_t kMaxWalked = uint64_t{1} << 16;
// How chunks are guessed in the middle of nowhere: chains that begin in the first bytes of a window
// and reach the address must all meet.
constexpr uint64_t kWindow = uint64_t{1} << 20, kStarts = 4096;

}  // namespace

const std::vector<Address>& GlibcHeap::boundaries() const {
  if (boundaries_) return *boundaries_;
  std::vector<Address> all = bins().chunks;
  for (const Cached& cached : caches_.blocks) all.push_back(cached.memory - kHeader);
  for (const Tcache& tcache : caches_.tcaches) all.push_back(tcache.at - kHeader);
  for (const Region& region : arenas_.regions) {
    all.push_back(region.chunks.start);
    if (region.top) all.push_back(*region.top);
  }
  std::erase_if(all, [&](Address a) { return arenas_.region_at(a) == nullptr; });
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  boundaries_ = std::move(all);
  return *boundaries_;
}

// Questions come close together: the next one starts from here.
void GlibcHeap::remember(Address chunk) const {
  auto& all = *boundaries_;
  const auto place = std::lower_bound(all.begin(), all.end(), chunk);
  if (place == all.end() || *place != chunk) all.insert(place, chunk);
}

// The last known boundary of the region at or below `address`.
std::optional<Address> GlibcHeap::boundary_before(const Region& region, Address address) const {
  const auto& all = boundaries();
  const auto after = std::upper_bound(all.begin(), all.end(), address);
  if (after == all.begin() || *std::prev(after) < region.chunks.start) return std::nullopt;
  return *std::prev(after);
}

// Walks until the chunk that holds the address, then one more for its neighbour.
class GlibcHeap::Search final : public WalkSink {
 public:
  Search(const GlibcHeap& heap, const Region& region, Address address)
      : heap_(heap), region_(region), address_(address) {}

  bool on_chunk(const Chunk& chunk, bool in_use) override {
    const Block block = heap_.block_of(chunk, in_use, region_);
    if (found_) {
      found_->behind = block;
      return false;
    }
    if (++chunks_ > kMaxWalked) return false;
    if (address_ >= chunk.next()) {
      before_ = block;
      return true;
    }
    found_ = Located{.block = block,
                     .place = heap_.place_of(chunk, block),
                     .before = before_,
                     .behind = {},
                     .proven = !damaged_,
                     .proof = {}};
    return true;
  }
  bool on_gap(AddressRange gap) override {
    damaged_ = true;
    if (!found_ && gap.contains(address_)) {
      found_ = Located{.block = to_block({gap.start, gap.size()}, BlockState::kUnknown, 0),
                       .place = {},
                       .before = before_,
                       .behind = {},
                       .proven = false,
                       .proof = {}};
      return true;
    }
    before_.reset();
    return !found_;
  }
  void on_damage(HeapDamage) override {}

  std::optional<Located>& found() { return found_; }
  uint64_t chunks() const { return chunks_; }
  bool damaged() const { return damaged_; }

 private:
  const GlibcHeap& heap_;
  const Region& region_;
  Address address_;
  std::optional<Block> before_;
  std::optional<Located> found_;
  uint64_t chunks_ = 0;
  bool damaged_ = false;
};

std::optional<Located> GlibcHeap::locate_in(const Region& region, Address address) const {
  Words words(input_.memory);
  auto from = boundary_before(region, address);
  for (int attempt = 0; from && attempt < 2; ++attempt) {
    Search search(*this, region, address);
    walk(words,
         {.region = region,
          .arena = arenas_.all[region.arena],
          .boundaries = boundaries(),
          .from = *from,
          .to = region.chunks.end},
         search);
    auto& found = search.found();
    if (!found) break;
    // A boundary that is the block itself knows no neighbour in front: once more from the one
    // before.
    const auto earlier = boundary_before(region, *from - 1);
    if (attempt == 0 && !found->before && !search.damaged() && earlier) {
      from = earlier;
      continue;
    }
    found->proof =
        search.damaged()
            ? fmt::format("the allocator's records between {} and it are damaged", to_hex(*from))
            : fmt::format("walked {} chunk{} from {}, which the allocator's own records name",
                          search.chunks(), search.chunks() == 1 ? "" : "s", to_hex(*from));
    if (found->proven) remember(found->block.start - kHeader);
    return found;
  }
  return locate_by_agreement(region, address);
}

std::optional<Located> GlibcHeap::locate_by_agreement(const Region& region, Address address) const {
  Words words(input_.memory);
  Chunks chunks(words, region, arenas_.all[region.arena].is_main);
  const Address low =
      address - region.chunks.start > kWindow ? address - kWindow : region.chunks.start;
  std::map<Address, size_t> votes;
  const Address first((low.value + kAlignment - 1) & ~(kAlignment - 1));
  for (uint64_t offset = 0; offset < kStarts; offset += kAlignment) {
    const auto run = chunks.run(first + offset, address + 1, kMaxWalked);
    if (run.broken || run.chunks < 2 || run.last.is_fence() || run.last.at > address) continue;
    ++votes[run.last.at];
  }
  if (votes.size() != 1) return std::nullopt;
  const auto chunk = chunks.read(votes.begin()->first);
  if (!chunk) return std::nullopt;
  const Block block = block_of(*chunk, chunks.in_use(*chunk).value_or(true), region);
  Located located{.block = block,
                  .place = place_of(*chunk, block),
                  .before = {},
                  .behind = {},
                  .proven = false,
                  .proof = "all chains of chunks in front of it meet here"};
  return located;
}

// struct malloc_state: what stands in front of the bins, the bins, and seven words.
uint64_t GlibcHeap::state_size() const { return arenas_.bins_offset + kBinBytes + 56; }

std::vector<AddressRange> GlibcHeap::records() const {
  std::vector<AddressRange> ranges;
  for (const Arena& arena : arenas_.all)
    ranges.push_back({arena.state, arena.state + state_size()});
  return ranges;
}

// The header of an arena's first heap: struct malloc_state.
std::optional<Located> GlibcHeap::locate_arena(Address address) const {
  for (const Arena& arena : arenas_.all) {
    const uint64_t size = state_size();
    if (address < arena.state || address - arena.state >= size) continue;
    Block block{.start = arena.state,
                .size = size,
                .footprint = size,
                .state = BlockState::kInternal,
                .place = 0};
    return Located{.block = block,
                   .place = "the record of " + arena.name,
                   .before = {},
                   .behind = {},
                   .proven = true,
                   .proof = "the ring of arenas names it"};
  }
  return std::nullopt;
}

std::string GlibcHeap::place_of(const Chunk& chunk, const Block& block) const {
  if (block.state == BlockState::kLive) return {};
  if (block.state == BlockState::kFreed && block.place >= first_bin_place_) {
    Words words(input_.memory);
    if (auto bin = bin_of(words, arenas_, chunk.at)) return std::move(*bin);
  }
  if (block.place == tcache_place_) {
    for (const Tcache& tcache : caches_.tcaches) {
      if (tcache.at == block.start) return fmt::format("the record of {}'s tcache", tcache.whose);
    }
  }
  return block.place < places_.size() ? places_[block.place] : std::string();
}

std::optional<Located> GlibcHeap::locate(Address address) const {
  if (const Region* region = arenas_.region_at(address)) return locate_in(*region, address);
  if (auto arena = locate_arena(address)) return arena;
  Words words(input_.memory);
  const auto chunk = mmapped_.find(words, address);
  if (!chunk) return std::nullopt;
  Located located;
  located.block = to_block(*chunk, BlockState::kLive, mmapped_place_);
  located.block.size = chunk->size() - kHeader;
  located.place = places_[mmapped_place_];
  located.proof = fmt::format("a header of a mapped chunk stands at {}", to_hex(chunk->at));
  located.proven = true;
  return located;
}

}  // namespace inquest::process::glibc
