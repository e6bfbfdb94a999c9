#include "process/heap/jemalloc_heap.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace inquest::process {

std::vector<std::unique_ptr<Allocator>> recognise_jemalloc(const RootWords& words) {
  std::vector<std::unique_ptr<Allocator>> found;
  for (const jemalloc::Layout& layout : jemalloc::find_layouts(words)) {
    found.push_back(std::make_unique<jemalloc::JemallocHeap>(words.input, layout));
  }
  return found;
}

namespace jemalloc {
namespace {

// Blocks handed to a visitor at once.
constexpr size_t kBatch = 4096;
// Extents of one pass: 256 GiB of the smallest slabs. Regions, and pieces of records.
constexpr uint64_t kMaxExtents = uint64_t{1} << 26;
constexpr size_t kMaxRegionsTold = 65536, kMaxPieces = 65536;
// Extents on either side of an address that check() looks at.
constexpr int kCheckedExtents = 8;
// jemalloc takes memory for its records in multiples of this, aligned.
constexpr uint64_t kRecordPiece = uint64_t{2} << 20;
constexpr Address kEnd(~uint64_t{0});

}  // namespace

JemallocHeap::JemallocHeap(const HeapInput& input, const Layout& layout)
    : input_(input),
      map_(input_, layout),
      classes_(layout.lg_quantum, layout.shape.lg_page),
      caches_(read_caches(input_, map_, classes_)),
      notes_(caches_.notes) {
  if (map_.tree().missing_bytes() != 0)
    notes_.push_back(fmt::format("{} bytes of jemalloc's map of pages are not in the core",
                                 map_.tree().missing_bytes()));
  if (map_.tree().is_cut()) notes_.emplace_back("jemalloc's map of pages was not read to its end");
  describe_places();
}

void JemallocHeap::describe_places() {
  const auto size = [&] { return static_cast<uint32_t>(places_.size()); };
  places_.emplace_back();
  places_.insert(places_.end(), caches_.places.begin(), caches_.places.end());
  own_place_ = size();
  places_.emplace_back("the slots of a thread's tcache");
  slab_place_ = size();
  for (uint32_t i = 0; i < classes_.small_count(); ++i)
    places_.push_back(fmt::format("the free blocks of a slab for {} bytes", classes_.size(i)));
  spare_place_ = size();
  for (const char* state : {"dirty spare pages", "muzzy spare pages", "retained spare pages"})
    places_.emplace_back(state);
}

std::string JemallocHeap::name() const {
  return fmt::format("jemalloc {}", map_.layout().format.version);
}

void JemallocHeap::add_damage(HeapDamage damage) {
  const bool known = std::any_of(damage_.begin(), damage_.end(), [&](const HeapDamage& d) {
    return d.at == damage.at && d.kind == damage.kind;
  });
  if (!known && damage_.size() < kMaxHeapDamage) damage_.push_back(std::move(damage));
}

const JemallocHeap::Survey& JemallocHeap::survey() const {
  if (survey_) return *survey_;
  Survey all;
  std::set<Address> pieces;
  Address at(0);
  for (uint64_t n = 0; n < kMaxExtents; ++n) {
    const auto extent = map_.next(at, kEnd);
    if (!extent) break;
    at = extent->pages.end;
    const Address piece(extent->record.value & ~(kRecordPiece - 1));
    if (pieces.size() < kMaxPieces) pieces.insert(piece);
    auto& regions = all.regions;
    if (!regions.empty() && regions.back().range.end == extent->pages.start) {
      regions.back().range.end = extent->pages.end;
    } else if (regions.size() < kMaxRegionsTold) {
      regions.push_back({extent->pages, "slabs and extents"});
    }
  }
  for (const Address piece : pieces) {
    // A piece begins with its size, when it is not a part of a larger one.
    uint64_t size = input_.memory.load<uint64_t>(piece).value_or(0);
    const Mapping* mapping = input_.image.mapping_at(piece);
    if (size % kRecordPiece != 0 || size == 0 || mapping == nullptr ||
        size > mapping->range.end - piece)
      size = kRecordPiece;
    if (all.records.empty() || all.records.back().end <= piece)
      all.records.push_back({piece, piece + size});
  }
  survey_ = std::move(all);
  return *survey_;
}

const std::vector<HeapRegion>& JemallocHeap::regions() const { return survey().regions; }
std::vector<AddressRange> JemallocHeap::records() const { return survey().records; }

uint64_t JemallocHeap::region_count(const Extent& slab) const {
  if (!slab.slab || slab.state != ExtentState::kActive || slab.szind >= classes_.small_count())
    return 0;
  const uint64_t count = slab.pages.size() / classes_.size(slab.szind);
  return count <= kMaxRegions ? count : 0;
}

// The caches' own slots are blocks like any other.
bool JemallocHeap::is_own(Address start, uint64_t size) const {
  return std::any_of(caches_.stacks.begin(), caches_.stacks.end(),
                     [&](Address a) { return a >= start && a - start < size; });
}

Block JemallocHeap::region_block(const Extent& slab, const SlabBits& bits, uint64_t region) const {
  const uint64_t size = classes_.size(slab.szind);
  Block block{.start = slab.start + region * size, .size = size, .footprint = size};
  if (!bits.known()) {
    block.state = BlockState::kUnknown;
  } else if (bits.is_free(region)) {
    block.state = BlockState::kFreed;
    block.place = slab_place_ + slab.szind;
  } else if (const Cached* cached = caches_.find(block.start)) {
    block.state = BlockState::kFreed;
    block.place = cached->place;
  } else if (is_own(block.start, size)) {
    block.state = BlockState::kInternal;
    block.place = own_place_;
  }
  return block;
}

Block JemallocHeap::whole_block(const Extent& extent) const {
  Block block{.start = extent.start, .size = extent.pages.size(), .footprint = extent.pages.size()};
  switch (extent.state) {
    case ExtentState::kActive: {
      // Newer builds round large sizes up to pages only: then the size class tells too much.
      const uint64_t pad = map_.layout().padded ? map_.layout().shape.page() : 0;
      const uint64_t usable = classes_.size(extent.szind), room = extent.pages.size();
      block.size = std::min(usable != 0 ? usable : room, room > pad ? room - pad : room);
      block.size = std::min(block.size, extent.pages.end - extent.start);
      if (const Cached* cached = caches_.find(block.start)) {
        block.state = BlockState::kFreed;
        block.place = cached->place;
      } else if (extent.slab) {
        block.state = BlockState::kUnknown;
      } else if (is_own(block.start, block.size)) {
        block.state = BlockState::kInternal;
        block.place = own_place_;
      }
      return block;
    }
    case ExtentState::kDirty:
    case ExtentState::kMuzzy:
    case ExtentState::kRetained:
      block.state = BlockState::kFreed;
      block.place = spare_place_ + static_cast<uint32_t>(extent.state) -
                    static_cast<uint32_t>(ExtentState::kDirty);
      break;
    case ExtentState::kOther:
      block.state = BlockState::kUnknown;
      break;
  }
  block.start = extent.pages.start;
  return block;
}

// The first or last block of the extent that holds `inside`.
std::optional<Block> JemallocHeap::edge_block(Address inside, bool last) const {
  const auto extent = map_.find(inside);
  if (!extent) return std::nullopt;
  const uint64_t count = region_count(*extent);
  if (count == 0) return whole_block(*extent);
  const SlabBits bits(input_.memory, extent->record, count);
  return region_block(*extent, bits, last ? count - 1 : 0);
}

std::string JemallocHeap::place_of(const Extent& extent, const Block& block) const {
  if (extent.state == ExtentState::kActive && block.place >= slab_place_) {
    return fmt::format("the free blocks of the slab at {} of arena {}, for {} bytes",
                       to_hex(extent.start), extent.arena, block.size);
  }
  switch (extent.state) {
    case ExtentState::kDirty:
      return fmt::format("the spare pages of arena {} that were used last (dirty)", extent.arena);
    case ExtentState::kMuzzy:
      return fmt::format("the spare pages of arena {} that the system may take (muzzy)",
                         extent.arena);
    case ExtentState::kRetained:
      return fmt::format(
          "the spare pages of arena {} that the system has taken, or that were never used "
          "(retained)",
          extent.arena);
    default:
      return places_[block.place];
  }
}

std::optional<Located> JemallocHeap::locate_region(const Extent& slab, Address address) const {
  const uint64_t count = region_count(slab), size = classes_.size(slab.szind);
  const uint64_t region = (address - slab.start) / size;
  if (region >= count) return std::nullopt;  // what is left over behind the last one
  const SlabBits bits(input_.memory, slab.record, count);
  Located located;
  located.block = region_block(slab, bits, region);
  located.place = place_of(slab, located.block);
  located.before =
      region > 0 ? region_block(slab, bits, region - 1) : edge_block(slab.pages.start - 1, true);
  located.behind =
      region + 1 < count ? region_block(slab, bits, region + 1) : edge_block(slab.pages.end, false);
  // A block that is in use may be in a cache that was not found.
  located.proven = bits.known() && bits.free_count() == slab.nfree &&
                   (located.block.state != BlockState::kLive || caches_.found);
  located.proof =
      fmt::format("jemalloc's map of pages leads to the slab's record at {}{}", to_hex(slab.record),
                  caches_.found ? "" : "; the threads' caches were not found");
  return located;
}

std::optional<Located> JemallocHeap::locate_whole(const Extent& extent, Address address) const {
  Located located;
  located.block = whole_block(extent);
  located.place = place_of(extent, located.block);
  located.before = edge_block(extent.pages.start - 1, true);
  located.behind = edge_block(extent.pages.end, false);
  located.proven = located.block.state != BlockState::kUnknown &&
                   (located.block.state != BlockState::kLive || caches_.found);
  located.proof =
      fmt::format("jemalloc's map of pages leads to its record at {}", to_hex(extent.record));
  if (address >= located.block.start && address < located.block.end()) return located;
  // Large blocks begin somewhere in their first page and end before their last.
  const bool in_front = address < located.block.start;
  located.place = fmt::format("the unused bytes {} the block at {}", in_front ? "before" : "behind",
                              to_hex(located.block.start));
  Block gap{.start = in_front ? extent.pages.start : located.block.end(),
            .size = 0,
            .footprint = 0,
            .state = BlockState::kInternal};
  gap.size = gap.footprint = (in_front ? located.block.start : extent.pages.end) - gap.start;
  (in_front ? located.behind : located.before) = located.block;
  located.block = gap;
  return located;
}

HeapDamage JemallocHeap::broken_record(Address page, const Element& element) const {
  return {.kind = HeapDamage::Kind::kBoundary,
          .at = element.record,
          .what = fmt::format("the record at {}, to which jemalloc's map leads from the page at {} "
                              "of {}-byte blocks, is about other memory",
                              to_hex(element.record), to_hex(page), classes_.size(element.szind)),
          .block = {},
          .overflown = {}};
}

// The map knows the page, but the record that it leads to is damaged.
std::optional<Located> JemallocHeap::locate_broken(Address address) const {
  const auto element = map_.element_at(address);
  if (!element || input_.image.mapping_at(address) == nullptr) return std::nullopt;
  const uint64_t page = map_.layout().shape.page();
  Located located;
  located.block = {.start = Address(address.value & ~(page - 1)),
                   .size = page,
                   .footprint = page,
                   .state = BlockState::kUnknown};
  located.proof = broken_record(located.block.start, *element).what;
  return located;
}

std::optional<Located> JemallocHeap::locate(Address address) const {
  const auto extent = map_.find(address);
  if (!extent) return locate_broken(address);
  return region_count(*extent) != 0 ? locate_region(*extent, address)
                                    : locate_whole(*extent, address);
}

class JemallocHeap::Visit {
 public:
  Visit(JemallocHeap& heap, const BlockVisitor& visitor) : heap_(heap), visitor_(visitor) {
    batch_.reserve(kBatch);
  }

  bool extent(const Extent& extent) {
    const uint64_t count = heap_.region_count(extent);
    if (count == 0) return put(heap_.whole_block(extent));
    const SlabBits bits(heap_.input_.memory, extent.record, count);
    heap_.check_slab(extent, bits);
    for (uint64_t i = 0; i < count; ++i) {
      if (!put(heap_.region_block(extent, bits, i))) return false;
    }
    return true;
  }
  bool flush() {
    const bool go_on = batch_.empty() || visitor_(batch_);
    batch_.clear();
    return go_on;
  }

 private:
  bool put(const Block& block) {
    batch_.push_back(block);
    return batch_.size() < kBatch || flush();
  }

  JemallocHeap& heap_;
  const BlockVisitor& visitor_;
  std::vector<Block> batch_;
};

void JemallocHeap::visit(const BlockVisitor& visitor) {
  for (const HeapDamage& damage : caches_.damage) add_damage(damage);
  Visit visit(*this, visitor);
  Address at(0);
  std::vector<PageMap::Entry> odd;
  for (uint64_t n = 0; n < kMaxExtents; ++n) {
    const auto extent = map_.next(at, kEnd, &odd);
    if (!extent) break;
    at = extent->pages.end;
    if (!visit.extent(*extent)) return;
  }
  visit.flush();
  for (const PageMap::Entry& entry : odd) add_damage(broken_record(entry.page, entry.element));
}

void JemallocHeap::check_slab(const Extent& slab, const SlabBits& bits) {
  const uint64_t count = region_count(slab);
  if (bits.known() && bits.free_count() != slab.nfree) {
    add_damage(
        {.kind = HeapDamage::Kind::kBoundary,
         .at = slab.record,
         .what = fmt::format("the record of the slab at {} counts {} free blocks, but marks {}",
                             to_hex(slab.start), slab.nfree, bits.free_count()),
         .block = {},
         .overflown = {}});
  }
  if (!bits.known() || caches_.blocks.empty()) return;
  const uint64_t size = classes_.size(slab.szind);
  auto cached = std::lower_bound(caches_.blocks.begin(), caches_.blocks.end(), slab.start,
                                 [](const Cached& c, Address a) { return c.start < a; });
  for (; cached != caches_.blocks.end() && cached->start < slab.pages.end; ++cached) {
    const uint64_t offset = cached->start - slab.start;
    if (offset % size != 0 || offset / size >= count || !bits.is_free(offset / size)) continue;
    Block block = region_block(slab, bits, offset / size);
    add_damage({.kind = HeapDamage::Kind::kDoubleFree,
                .at = cached->start,
                .what = fmt::format("the block at {} was freed twice: its slab has it back, and it "
                                    "stands in {}",
                                    to_hex(cached->start), places_[cached->place]),
                .block = block,
                .overflown = {}});
  }
}

void JemallocHeap::check_extent(const Extent& extent) {
  const uint64_t count = region_count(extent);
  if (count != 0) check_slab(extent, SlabBits(input_.memory, extent.record, count));
}

void JemallocHeap::check(std::span<const Address> near) {
  for (const HeapDamage& damage : caches_.damage) add_damage(damage);
  for (const Address address : near) {
    const auto extent = map_.find(address);
    if (!extent) {
      if (const auto element = map_.element_at(address))
        add_damage(broken_record(address, *element));
      continue;
    }
    check_extent(*extent);
    auto before = extent, behind = extent;
    for (int n = 0; n < kCheckedExtents; ++n) {
      if (before) before = map_.find(before->pages.start - 1);
      if (before) check_extent(*before);
      if (behind) behind = map_.find(behind->pages.end);
      if (behind) check_extent(*behind);
    }
  }
}

}  // namespace jemalloc
}  // namespace inquest::process
