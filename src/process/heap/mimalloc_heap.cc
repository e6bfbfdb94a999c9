#include "process/heap/mimalloc_heap.h"

#include <fmt/format.h>

#include <algorithm>

#include "process/heap/cached_blocks.h"

namespace inquest::process {

std::vector<std::unique_ptr<Allocator>> recognise_mimalloc(const HeapInput& input) {
  std::vector<std::unique_ptr<Allocator>> found;
  if (auto segments = mimalloc::find_segments(input))
    found.push_back(std::make_unique<mimalloc::MimallocHeap>(input, *std::move(segments)));
  return found;
}

namespace mimalloc {
namespace {

constexpr size_t kBatch = 4096;
constexpr uint64_t kPadding = 8;  // uint32 canary, uint32 unused bytes in front of it
constexpr size_t kMaxOwners = 65536;
// Threads that are working while the core is made may hold a block between two counts.
constexpr uint32_t kInFlight = 1;
constexpr uint32_t kKinds = 4;
constexpr uint32_t kSparePlace = 1, kFirstOwnerPlace = 2;
constexpr uint64_t kHeapRecord = 4096;

}  // namespace

MimallocHeap::MimallocHeap(const HeapInput& input, Found found)
    : input_(input),
      layout_(found.layout),
      segments_(std::move(found.segments)),
      notes_(std::move(found.notes)) {
  find_owners();
  find_heaps();
  delayed_ = read_delayed(input_, layout_, heaps_, notes_);
  for (const Segment& segment : segments_) {
    const char* kind = segment.used == 0 ? "a segment that is kept for reuse"
                       : segment.huge    ? "a segment of one block"
                                         : "a segment";
    regions_.push_back({segment.range(),
                        segment.used == 0 ? std::string(kind)
                                          : fmt::format("{} of {}", kind, whose(segment.thread))});
  }
}

std::string MimallocHeap::whose(uint64_t thread) const {
  if (thread == 0) return "no thread (its owner ended, or it is shared)";
  for (const Thread& each : input_.image.threads) {
    if (thread_pointer(input_.image, each) == thread) return fmt::format("thread {}", each.tid);
  }
  return fmt::format("a thread whose control block is at {}", to_hex(thread));
}

void MimallocHeap::find_owners() {
  for (const Segment& segment : segments_) owners_.push_back(segment.thread);
  std::sort(owners_.begin(), owners_.end());
  owners_.erase(std::unique(owners_.begin(), owners_.end()), owners_.end());
  if (owners_.size() > kMaxOwners) owners_.resize(kMaxOwners);
  places_ = {"", "slices that no page holds"};
  for (const uint64_t owner : owners_) {
    for (const ListKind kind :
         {ListKind::kFree, ListKind::kLocalFree, ListKind::kThreadFree, ListKind::kDelayed})
      places_.push_back(fmt::format("{} of a page of {}", to_string(kind), whose(owner)));
  }
}

void MimallocHeap::find_heaps() {
  uint64_t senseless = 0;
  for (const Segment& segment : segments_) {
    if (segment.used == 0) continue;
    senseless += each_page(input_, layout_, segment, [&](const Page& page) {
      const bool known = page.heap.is_null() || (!heaps_.empty() && heaps_.back() == page.heap);
      if (page.is_set_up() && !known) heaps_.push_back(page.heap);
      return true;
    });
  }
  std::sort(heaps_.begin(), heaps_.end());
  heaps_.erase(std::unique(heaps_.begin(), heaps_.end()), heaps_.end());
  if (senseless != 0)
    notes_.push_back(fmt::format(
        "{} slices of mimalloc's segments have a record that makes no sense", senseless));
  if (!layout_.heap_thread)
    notes_.emplace_back(
        "mimalloc's heaps were not understood: a block that another thread gave back may look "
        "live");
}

std::string MimallocHeap::name() const {
  if (input_.modules != nullptr) {
    for (const auto& module : input_.modules->all()) {
      if (module->name.find("mimalloc") == std::string::npos) continue;
      const std::string version = module->version();
      return version.empty() ? "mimalloc 2" : "mimalloc " + version;
    }
  }
  return "mimalloc 2";
}

std::vector<AddressRange> MimallocHeap::records() const {
  std::vector<AddressRange> ranges;
  for (const Segment& segment : segments_)
    ranges.push_back({segment.at, segment.at + segment.info * kSlice});
  for (const Address heap : heaps_) ranges.push_back({heap, heap + kHeapRecord});
  return ranges;
}

const Segment* MimallocHeap::segment_at(Address address) const {
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), address,
                                      [](Address a, const Segment& s) { return a < s.at; });
  if (after == segments_.begin()) return nullptr;
  const Segment& segment = *std::prev(after);
  return segment.range().contains(address) ? &segment : nullptr;
}

uint32_t MimallocHeap::place_index(const Segment& segment, ListKind kind) const {
  if (kind == ListKind::kNone) return 0;
  const auto owner = std::lower_bound(owners_.begin(), owners_.end(), segment.thread);
  if (owner == owners_.end() || *owner != segment.thread) return 0;
  return kFirstOwnerPlace + static_cast<uint32_t>(owner - owners_.begin()) * kKinds +
         static_cast<uint32_t>(kind) - 1;
}

std::optional<Page> MimallocHeap::page_at(const Segment& segment, Address address) const {
  std::optional<Page> found;
  each_page(input_, layout_, segment, [&](const Page& page) {
    if (page.span.contains(address)) found = page;
    return !found && page.span.end <= address;
  });
  return found;
}

void MimallocHeap::read_padding(Words& words, const Page& page, Block& block,
                                std::vector<HeapDamage>* damage) const {
  if (!layout_.padded || page.block_size < 2 * kPadding) return;
  block.size -= kPadding;
  const auto raw = words.at(block.end());
  if (!raw) return;
  const uint64_t unused = *raw >> 32;
  if (is_canary(static_cast<uint32_t>(*raw), page, block.start) && unused <= block.size) {
    block.size -= unused;
    return;
  }
  if (damage == nullptr || damage->size() >= kMaxHeapDamage) return;
  damage->push_back({.kind = HeapDamage::Kind::kBoundary,
                     .at = block.end(),
                     .what = fmt::format("the canary behind the block of {} bytes at {} is {}",
                                         page.block_size, to_hex(block.start), to_hex(*raw)),
                     .block = block,
                     .overflown = block});
}

Block MimallocHeap::block_of(Words& words, const Segment& segment, const Page& page, uint64_t index,
                             const PageLists& lists, std::vector<HeapDamage>* damage) const {
  const ListKind kind = lists.blocks[index];
  Block block = block_at(page, index, kind);
  block.place = place_index(segment, kind);
  if (kind != ListKind::kNone) {
    if (layout_.padded && block.size >= 2 * kPadding) block.size -= kPadding;
    return block;
  }
  // Behind a broken link nobody can tell which are free.
  if (lists.broken || lists.absent) block.state = BlockState::kUnknown;
  if (block.state == BlockState::kLive) read_padding(words, page, block, damage);
  return block;
}

// Passes blocks on in batches.
class MimallocHeap::Visit {
 public:
  Visit(const BlockVisitor& visitor) : visitor_(visitor) { batch_.reserve(kBatch); }

  bool put(const Block& block) {
    batch_.push_back(block);
    return batch_.size() < kBatch || flush();
  }
  bool flush() {
    if (!stopped_ && !batch_.empty()) stopped_ = !visitor_(batch_);
    batch_.clear();
    return !stopped_;
  }
  bool put_rest(AddressRange range, BlockState state, uint32_t place) {
    if (range.start >= range.end) return !stopped_;
    return put({.start = range.start,
                .size = range.size(),
                .footprint = range.size(),
                .state = state,
                .place = place});
  }

 private:
  const BlockVisitor& visitor_;
  std::vector<Block> batch_;
  bool stopped_ = false;
};

void MimallocHeap::visit(const BlockVisitor& visitor) {
  Words words(input_.memory, true);
  Visit out(visitor);
  ListReader reader(words, layout_, delayed_);
  std::vector<HeapDamage> found;
  for (const Segment& segment : segments_) {
    const Address first = segment.at + segment.info * kSlice;
    bool more = out.put_rest({segment.at, first}, BlockState::kInternal, 0);
    if (segment.used == 0) {
      more = more && out.put_rest({first, segment.range().end}, BlockState::kFreed, kSparePlace);
      if (!more) return;
      continue;
    }
    each_page(input_, layout_, segment, [&](const Page& page) {
      if (!page.is_set_up()) return more = out.put_rest(page.span, BlockState::kFreed, kSparePlace);
      found.clear();
      const PageLists& lists = reader.read(page, &found);
      for (uint64_t i = 0; i < page.capacity && more; ++i)
        more = out.put(block_of(words, segment, page, i, lists, &found));
      add_damage(found);
      check_page(words, segment, page, lists);
      if (more)
        more = out.put_rest({page.block(page.capacity), page.block(page.reserved)},
                            BlockState::kUnused, 0);
      return more;
    });
    if (!more) return;
  }
  out.flush();
}

void MimallocHeap::add_damage(std::vector<HeapDamage> found) {
  for (HeapDamage& damage : found) {
    const bool known = std::any_of(damage_.begin(), damage_.end(), [&](const HeapDamage& d) {
      return d.at == damage.at && d.kind == damage.kind;
    });
    if (!known && damage_.size() < kMaxHeapDamage) damage_.push_back(std::move(damage));
  }
}

// A list that leads out of its page took its head from the block that it handed out last: the link
// in that one was overwritten. The block in front of it, when the link is still there.
std::optional<Block> MimallocHeap::before_source_of(Words& words, const Segment& segment,
                                                    const Page& page,
                                                    const PageLists& lists) const {
  for (uint64_t i = 1; i < page.capacity; ++i) {
    if (lists.blocks[i] != ListKind::kNone) continue;
    const auto raw = words.at(page.block(i));
    if (!raw || decode_link(layout_, *raw, page.keys, page.at) != page.free) continue;
    if (lists.blocks[i - 1] != ListKind::kNone) return std::nullopt;
    return block_of(words, segment, page, i - 1, lists, nullptr);
  }
  return std::nullopt;
}

// Adds who may have done it, and counts that disagree.
void MimallocHeap::check_page(Words& words, const Segment& segment, const Page& page,
                              const PageLists& lists) {
  for (HeapDamage& damage : damage_) {
    if (damage.kind == HeapDamage::Kind::kList && damage.at == page.at && !damage.overflown)
      damage.overflown = before_source_of(words, segment, page, lists);
    if (damage.kind != HeapDamage::Kind::kFreedWrite || damage.overflown || !damage.block) continue;
    if (!page.span.contains(damage.block->start) || damage.block->start == page.start) continue;
    const uint64_t index = (damage.block->start - page.start) / page.block_size;
    // The first word of a freed block is overwritten: by whoever had it, or by the block before it.
    if (index > page.capacity || lists.blocks[index - 1] != ListKind::kNone) continue;
    // Behind the broken link others may be free; most of what is in no list is in use all the same.
    const uint64_t free = page.capacity - page.used;
    const uint64_t lost = free > lists.counted ? free - lists.counted : 0;
    if (lists.broken && lost >= page.used) continue;
    damage.overflown = block_of(words, segment, page, index - 1, lists, nullptr);
  }
  if (lists.broken || lists.absent) return;
  const uint32_t free = page.capacity - page.used;
  const uint32_t off = free > lists.counted ? free - lists.counted : lists.counted - free;
  if (off <= kInFlight) return;
  std::vector<HeapDamage> found;
  found.push_back(
      {.kind = HeapDamage::Kind::kBoundary,
       .at = page.at,
       .what = fmt::format("the page of {}-byte blocks at {} counts {} in use of {}, but "
                           "{} are in its lists",
                           page.block_size, to_hex(page.span.start), page.used, page.capacity,
                           lists.counted),
       .block = {},
       .overflown = {}});
  add_damage(std::move(found));
}

// Of every page: they stand in its record, so that this reads little.
void MimallocHeap::check_heads(Words& words, ListReader& reader) {
  for (const Segment& segment : segments_) {
    if (segment.used == 0) continue;
    each_page(input_, layout_, segment, [&](const Page& page) {
      const auto leaves = [&](Address head) {
        return !head.is_null() && !page.span.contains(head);
      };
      if (!page.is_set_up() || !(leaves(page.free) || leaves(page.local_free))) return true;
      std::vector<HeapDamage> found;
      const PageLists& lists = reader.read(page, &found);
      add_damage(std::move(found));
      check_page(words, segment, page, lists);
      return damage_.size() < kMaxHeapDamage;
    });
  }
}

void MimallocHeap::check(std::span<const Address> near) {
  Words words(input_.memory);
  ListReader reader(words, layout_, delayed_);
  check_heads(words, reader);
  for (const Address address : near) {
    const Segment* segment = segment_at(address);
    if (segment == nullptr || segment->used == 0) continue;
    const auto page = page_at(*segment, address);
    if (!page || !page->is_set_up()) continue;
    std::vector<HeapDamage> found;
    const PageLists& lists = reader.read(*page, &found);
    for (uint64_t i = 0; i < page->capacity; ++i)
      static_cast<void>(block_of(words, *segment, *page, i, lists, &found));
    add_damage(std::move(found));
    check_page(words, *segment, *page, lists);
  }
}

Located MimallocHeap::outside_blocks(AddressRange range, BlockState state,
                                     std::string place) const {
  Located located;
  located.block = {.start = range.start,
                   .size = range.size(),
                   .footprint = range.size(),
                   .state = state,
                   .place = 0};
  located.place = std::move(place);
  located.proven = true;
  located.proof = "the segment's own table of slices says so";
  return located;
}

Located MimallocHeap::locate_in(const Segment& segment, const Page& page, Address address) const {
  if (address < page.start)
    return outside_blocks({page.span.start, page.start}, BlockState::kUnused,
                          "what a page leaves in front of its blocks");
  const uint64_t index = (address - page.start) / page.block_size;
  if (index >= page.capacity)
    return outside_blocks({page.block(page.capacity), page.span.end}, BlockState::kUnused,
                          "the part of a page that was never made ready");
  Words words(input_.memory);
  ListReader reader(words, layout_, delayed_);
  const PageLists& lists = reader.read(page, nullptr);
  Located located;
  located.block = block_of(words, segment, page, index, lists, nullptr);
  const ListKind kind = lists.blocks[index];
  if (kind != ListKind::kNone)
    located.place = fmt::format("{} of the page of {}-byte blocks at {}, of {}", to_string(kind),
                                page.block_size, to_hex(page.span.start), whose(segment.thread));
  if (index > 0) located.before = block_of(words, segment, page, index - 1, lists, nullptr);
  if (index + 1 < page.capacity)
    located.behind = block_of(words, segment, page, index + 1, lists, nullptr);
  located.proven = kind != ListKind::kNone || (!lists.broken && !lists.absent);
  located.proof = fmt::format(
      "the page's record at {} and its lists tell{}", to_hex(page.at),
      page.has_aligned ? "; pointers into the middle of its blocks were handed out" : "");
  return located;
}

std::optional<Located> MimallocHeap::locate(Address address) const {
  const Segment* segment = segment_at(address);
  if (segment == nullptr) return std::nullopt;
  const Address first = segment->at + segment->info * kSlice;
  if (address < first)
    return outside_blocks({segment->at, first}, BlockState::kInternal, "the header of a segment");
  if (segment->used == 0)
    return outside_blocks({first, segment->range().end}, BlockState::kFreed,
                          "a segment that was given back and is kept for reuse");
  const auto page = page_at(*segment, address);
  if (!page) return std::nullopt;
  if (!page->is_set_up())
    return outside_blocks(page->span, BlockState::kFreed, "slices that no page holds");
  return locate_in(*segment, *page, address);
}

}  // namespace mimalloc
}  // namespace inquest::process
