#include "process/heap/tcmalloc_heap.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace inquest::process {

std::vector<std::unique_ptr<Allocator>> recognise_tcmalloc(const RootWords& words) {
  std::vector<std::unique_ptr<Allocator>> found;
  for (const tcmalloc::Layout& layout : tcmalloc::find_layouts(words)) {
    found.push_back(std::make_unique<tcmalloc::TcmallocHeap>(words.input, layout));
  }
  return found;
}

namespace tcmalloc {
namespace {

constexpr size_t kBatch = 4096;
// Spans of one pass: 128 GiB of the smallest ones.
constexpr uint64_t kMaxSpans = uint64_t{1} << 24;
constexpr uint64_t kMaxObjects = 65536;  // of a span: its count of used ones has 16 bits
constexpr size_t kMaxRegionsTold = 65536, kMaxPieces = uint64_t{1} << 20;
// Spans on either side of an address that check() looks at.
constexpr int kCheckedSpans = 4;
constexpr Address kEnd(uint64_t{1} << 47);

}  // namespace

TcmallocHeap::TcmallocHeap(const HeapInput& input, const Layout& layout)
    : input_(input),
      map_(input_, layout.root, layout.shape),
      caches_(read_caches(input_, layout, map_)),
      notes_(caches_.notes) {
  if (map_.tree().missing_bytes() != 0)
    notes_.push_back(fmt::format("{} bytes of tcmalloc's map of pages are not in the core",
                                 map_.tree().missing_bytes()));
  if (map_.tree().is_cut()) notes_.emplace_back("tcmalloc's map of pages was not read to its end");
  places_.emplace_back();
  places_.insert(places_.end(), caches_.places.begin(), caches_.places.end());
  span_place_ = static_cast<uint32_t>(places_.size());
  for (const uint64_t size : caches_.sizes)
    places_.push_back(fmt::format("the free list of a span of {}-byte blocks", size));
  free_place_ = static_cast<uint32_t>(places_.size());
  places_.emplace_back("the page heap's free spans");
  places_.emplace_back("the page heap's free spans that were given back to the system");
}

const TcmallocHeap::Survey& TcmallocHeap::survey() const {
  if (survey_) return *survey_;
  Survey all;
  std::set<Address> pieces;
  Address at(0);
  for (uint64_t n = 0; n < kMaxSpans; ++n) {
    const auto span = map_.next(at, kEnd);
    if (!span) break;
    at = span->pages.end;
    if (pieces.size() < kMaxPieces) pieces.insert(span->record.page());
    auto& regions = all.regions;
    if (!regions.empty() && regions.back().range.end == span->pages.start) {
      regions.back().range.end = span->pages.end;
    } else if (regions.size() < kMaxRegionsTold) {
      regions.push_back({span->pages, "spans"});
    }
  }
  for (const Address piece : pieces) {
    if (!all.records.empty() && all.records.back().end == piece)
      all.records.back().end = piece + 4096;
    else
      all.records.push_back({piece, piece + 4096});
  }
  survey_ = std::move(all);
  return *survey_;
}

const std::vector<HeapRegion>& TcmallocHeap::regions() const { return survey().regions; }
std::vector<AddressRange> TcmallocHeap::records() const { return survey().records; }

void TcmallocHeap::add_damage(HeapDamage damage) {
  const bool known = std::any_of(damage_.begin(), damage_.end(), [&](const HeapDamage& d) {
    return d.at == damage.at && d.kind == damage.kind;
  });
  if (!known && damage_.size() < kMaxHeapDamage) damage_.push_back(std::move(damage));
}

TcmallocHeap::Objects TcmallocHeap::objects_of(const Span& span) const {
  Objects objects;
  if (span.location != 0 || span.size_class == 0 || span.size_class >= caches_.sizes.size())
    return objects;
  objects.size = caches_.sizes[span.size_class];
  objects.count = span.pages.size() / objects.size;
  if (objects.count > kMaxObjects) objects.count = 0;
  if (objects.count == 0) return objects;
  objects.is_free.resize(objects.count);
  follow(span, objects);
  return objects;
}

void TcmallocHeap::follow(const Span& span, Objects& objects) const {
  Address at = span.objects, before;
  uint64_t length = 0;
  const auto broken = [&](HeapDamage::Kind kind, std::string what) {
    objects.damage = HeapDamage{
        .kind = kind, .at = before, .what = std::move(what), .block = {}, .overflown = {}};
    if (before.is_null()) {
      objects.damage->at = span.record;
      return;
    }
    const uint64_t index = (before - span.pages.start) / objects.size;
    objects.damage->block = object_block(span, objects, index);
    if (index > 0) objects.damage->overflown = object_block(span, objects, index - 1);
  };
  while (!at.is_null() && length <= objects.count) {
    const uint64_t offset = at - span.pages.start;
    if (at < span.pages.start || offset % objects.size != 0 ||
        offset / objects.size >= objects.count) {
      return broken(HeapDamage::Kind::kFreedWrite,
                    fmt::format("the freed block at {} was written to: its link is {}",
                                to_hex(before), to_hex(at)));
    }
    if (objects.is_free[offset / objects.size]) {
      return broken(HeapDamage::Kind::kDoubleFree,
                    fmt::format("the free list of the span at {} leads to {} a second time",
                                to_hex(span.pages.start), to_hex(at)));
    }
    objects.is_free[offset / objects.size] = true;
    ++length;
    const auto next = input_.memory.load_pointer(at);
    if (!next) return;
    before = at;
    at = *next;
  }
  if (length + span.used == objects.count) return;
  before = Address();
  broken(HeapDamage::Kind::kBoundary,
         fmt::format("the span at {} counts {} used blocks of {}, but its free list has {}",
                     to_hex(span.pages.start), span.used, objects.count, length));
}

Block TcmallocHeap::object_block(const Span& span, const Objects& objects, uint64_t index) const {
  Block block{.start = span.pages.start + index * objects.size,
              .size = objects.size,
              .footprint = objects.size};
  if (objects.is_free[index]) {
    block.state = BlockState::kFreed;
    block.place = span_place_ + span.size_class;
  } else if (const Cached* cached = caches_.find(block.start)) {
    block.state = BlockState::kFreed;
    block.place = cached->place;
  }
  return block;
}

Block TcmallocHeap::whole_block(const Span& span) const {
  Block block{.start = span.pages.start, .size = span.pages.size(), .footprint = span.pages.size()};
  if (span.location != 0) {
    block.state = BlockState::kFreed;
    block.place = free_place_ + span.location - 1;
  } else if (span.size_class != 0) {
    block.state = BlockState::kUnknown;
  }
  return block;
}

std::string TcmallocHeap::place_of(const Span& span, const Block& block) const {
  if (block.state == BlockState::kFreed && span.location == 0 && block.place >= span_place_)
    return fmt::format("the free list of the span at {}, for {}-byte blocks",
                       to_hex(span.pages.start), block.size);
  return places_[block.place];
}

// The first or last block of the span that holds `inside`.
std::optional<Block> TcmallocHeap::edge_block(Address inside, bool last) const {
  const auto span = map_.find(inside);
  if (!span) return std::nullopt;
  const Objects objects = objects_of(*span);
  if (objects.count == 0) return whole_block(*span);
  return object_block(*span, objects, last ? objects.count - 1 : 0);
}

std::optional<Located> TcmallocHeap::locate(Address address) const {
  const auto span = map_.find(address);
  if (!span) return std::nullopt;
  const Objects objects = objects_of(*span);
  Located located;
  located.proof =
      fmt::format("tcmalloc's map of pages leads to the span's record at {}", to_hex(span->record));
  if (objects.count == 0) {
    located.block = whole_block(*span);
    located.before = edge_block(span->pages.start - 1, true);
    located.behind = edge_block(span->pages.end, false);
    located.proven = located.block.state != BlockState::kUnknown;
  } else {
    const uint64_t index = (address - span->pages.start) / objects.size;
    if (index >= objects.count) return std::nullopt;  // what is left over behind the last one
    located.block = object_block(*span, objects, index);
    located.before = index > 0 ? object_block(*span, objects, index - 1)
                               : edge_block(span->pages.start - 1, true);
    located.behind = index + 1 < objects.count ? object_block(*span, objects, index + 1)
                                               : edge_block(span->pages.end, false);
    // A block that is in use may be in a cache that was not found, or behind a broken link.
    located.proven = located.block.state != BlockState::kLive || (all_caches() && !objects.damage);
    if (objects.damage) located.proof += "; its free list is damaged";
  }
  located.place = place_of(*span, located.block);
  return located;
}

void TcmallocHeap::visit(const BlockVisitor& visitor) {
  for (const HeapDamage& damage : caches_.damage) add_damage(damage);
  std::vector<Block> batch;
  batch.reserve(kBatch);
  const auto put = [&](const Block& block) {
    batch.push_back(block);
    if (batch.size() < kBatch) return true;
    const bool go_on = visitor(batch);
    batch.clear();
    return go_on;
  };
  Address at(0);
  for (uint64_t n = 0; n < kMaxSpans; ++n) {
    const auto span = map_.next(at, kEnd);
    if (!span) break;
    at = span->pages.end;
    const Objects objects = objects_of(*span);
    if (objects.damage) add_damage(*objects.damage);
    if (objects.count == 0 && !put(whole_block(*span))) return;
    for (uint64_t i = 0; i < objects.count; ++i) {
      if (!put(object_block(*span, objects, i))) return;
    }
  }
  if (!batch.empty()) visitor(batch);
}

void TcmallocHeap::check(std::span<const Address> near) {
  for (const HeapDamage& damage : caches_.damage) add_damage(damage);
  const auto look = [&](const Span& span) {
    if (auto damage = objects_of(span).damage) add_damage(std::move(*damage));
  };
  for (const Address address : near) {
    const auto span = map_.find(address);
    if (!span) continue;
    look(*span);
    auto before = span, behind = span;
    for (int n = 0; n < kCheckedSpans; ++n) {
      if (before) before = map_.find(before->pages.start - 1);
      if (before) look(*before);
      if (behind) behind = map_.find(behind->pages.end);
      if (behind) look(*behind);
    }
  }
}

}  // namespace tcmalloc
}  // namespace inquest::process
