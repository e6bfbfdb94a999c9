#include "process/heap/glibc_heap.h"

#include <fmt/format.h>

#include <algorithm>

namespace inquest::process {

std::vector<std::unique_ptr<Allocator>> recognise_glibc(const HeapInput& input) {
  std::vector<std::unique_ptr<Allocator>> found;
  for (glibc::Arenas& arenas : glibc::find_arenas(input)) {
    found.push_back(std::make_unique<glibc::GlibcHeap>(input, std::move(arenas)));
  }
  return found;
}

namespace glibc {
namespace {

// Blocks handed to a visitor at once.
constexpr size_t kBatch = 4096;
// Chunks on either side of an address that check() looks at.
constexpr uint64_t kCheckedBefore = 64, kCheckedBehind = 64;
// Chunks, and bytes, that check() walks to get to an address at all.
constexpr uint64_t kMaxCheckedWalk = uint64_t{1} << 16, kMaxCheckedBytes = uint64_t{16} << 20;
constexpr uint64_t kLargestTcache = 0x400;  // bytes of the record's chunk, with room to grow
constexpr uint64_t kMaxVersionSearch = uint64_t{32} << 20;

// "2.36" out of the banner that the C library carries in its constants.
std::string version_in(const Module& module) {
  const elf::File* file = module.binary();
  if (file == nullptr || file->bytes().size() > kMaxVersionSearch) return {};
  const std::string_view text(reinterpret_cast<const char*>(file->bytes().data()),
                              file->bytes().size());
  constexpr std::string_view kBanner = "stable release version ";
  const size_t at = text.find(kBanner);
  if (at == std::string_view::npos ||
      text.substr(0, at).rfind("GNU C Library") == std::string_view::npos)
    return {};
  const std::string_view rest = text.substr(at + kBanner.size(), 8);
  const size_t end = rest.find_first_not_of("0123456789.");
  std::string version(rest.substr(0, end));
  while (version.ends_with('.')) version.pop_back();
  return version;
}

}  // namespace

GlibcHeap::GlibcHeap(const HeapInput& input, Arenas arenas)
    : input_(input),
      arenas_(std::move(arenas)),
      caches_(read_caches(input_, arenas_)),
      mmapped_(input_, arenas_),
      notes_(arenas_.notes) {
  notes_.insert(notes_.end(), caches_.notes.begin(), caches_.notes.end());
  for (const Region& region : arenas_.regions) {
    regions_.push_back({region.chunks, arenas_.all[region.arena].name});
  }
  for (const Tcache& tcache : caches_.tcaches) tcaches_.push_back(tcache.at);
  std::sort(tcaches_.begin(), tcaches_.end());
  describe_places();
}

void GlibcHeap::describe_places() {
  const auto size = [&] { return static_cast<uint32_t>(places_.size()); };
  places_.emplace_back();
  places_.insert(places_.end(), caches_.places.begin(), caches_.places.end());
  tcache_place_ = size();
  places_.emplace_back("the record of a thread's tcache");
  mmapped_place_ = size();
  places_.emplace_back("mapped on its own");
  first_bin_place_ = size();
  for (const Arena& arena : arenas_.all) places_.push_back("a free list of " + arena.name);
  first_top_place_ = size();
  for (const Arena& arena : arenas_.all) places_.push_back("the unused end of " + arena.name);
}

std::string GlibcHeap::name() const {
  const std::string version = arenas_.module != nullptr ? version_in(*arenas_.module) : "";
  return version.empty() ? "glibc malloc" : "glibc malloc " + version;
}

const Bins& GlibcHeap::bins() const {
  if (!bins_) bins_ = read_bins(input_, arenas_);
  return *bins_;
}

bool GlibcHeap::is_tcache(const Chunk& chunk) const {
  return chunk.size() <= kLargestTcache &&
         std::binary_search(tcaches_.begin(), tcaches_.end(), chunk.memory());
}

Block GlibcHeap::block_of(const Chunk& chunk, bool in_use, const Region& region) const {
  const auto arena = static_cast<uint32_t>(region.arena);
  if (region.top == chunk.at) {
    Block block = to_block(chunk, BlockState::kUnused, first_top_place_ + arena);
    block.size -= std::min<uint64_t>(block.size, 8);  // no chunk behind it lends a word
    return block;
  }
  if (chunk.is_fence()) return to_block(chunk, BlockState::kInternal, 0);
  if (!in_use) return to_block(chunk, BlockState::kFreed, first_bin_place_ + arena);
  if (const Cached* cached = caches_.find(chunk.memory()))
    return to_block(chunk, BlockState::kFreed, cached->place);
  if (is_tcache(chunk)) return to_block(chunk, BlockState::kInternal, tcache_place_);
  return to_block(chunk, BlockState::kLive, 0);
}

void GlibcHeap::add_damage(HeapDamage damage) {
  const bool known = std::any_of(damage_.begin(), damage_.end(), [&](const HeapDamage& d) {
    return d.at == damage.at && d.kind == damage.kind;
  });
  if (!known && damage_.size() < kMaxHeapDamage) damage_.push_back(std::move(damage));
}

void GlibcHeap::add_list_damage() {
  if (lists_told_) return;
  lists_told_ = true;
  for (const HeapDamage& damage : caches_.damage) add_damage(damage);
  for (const HeapDamage& damage : bins().damage) add_damage(damage);
  notes_.insert(notes_.end(), bins().notes.begin(), bins().notes.end());
}

// Passes blocks on in batches, and damage to the heap.
class GlibcHeap::Visit final : public WalkSink {
 public:
  Visit(GlibcHeap& heap, const BlockVisitor& visitor) : heap_(heap), visitor_(visitor) {
    batch_.reserve(kBatch);
  }

  void region(const Region& region, Words& words) {
    region_ = &region;
    const Arena& arena = heap_.arenas_.all[region.arena];
    walk(words,
         {.region = region,
          .arena = arena,
          .boundaries = heap_.boundaries(),
          .from = region.chunks.start,
          .to = region.chunks.end},
         *this);
  }
  bool on_chunk(const Chunk& chunk, bool in_use) override {
    return put(heap_.block_of(chunk, in_use, *region_));
  }
  bool on_gap(AddressRange gap) override {
    return put(to_block({gap.start, gap.size()}, BlockState::kUnknown, 0));
  }
  void on_damage(HeapDamage damage) override { heap_.add_damage(std::move(damage)); }
  bool put(const Block& block) {
    batch_.push_back(block);
    return batch_.size() < kBatch || flush();
  }
  bool flush() {
    if (!stopped_ && !batch_.empty()) stopped_ = !visitor_(batch_);
    batch_.clear();
    return !stopped_;
  }
  bool stopped() const { return stopped_; }

 private:
  GlibcHeap& heap_;
  const BlockVisitor& visitor_;
  const Region* region_ = nullptr;
  std::vector<Block> batch_;
  bool stopped_ = false;
};

void GlibcHeap::visit(const BlockVisitor& visitor) {
  add_list_damage();
  Visit visit(*this, visitor);
  Words words(input_.memory, true);
  for (const Region& region : arenas_.regions) {
    visit.region(region, words);
    if (!visit.flush()) return;
  }
  mmapped_.each(words, [&](const Chunk& chunk) {
    Block block = to_block(chunk, BlockState::kLive, mmapped_place_);
    block.size = chunk.size() - kHeader;  // there is no chunk behind it to lend a word
    return visit.put(block);
  });
  visit.flush();
}

// Collects damage only.
class GlibcHeap::Check final : public WalkSink {
 public:
  explicit Check(GlibcHeap& heap) : heap_(heap) {}
  bool on_chunk(const Chunk& chunk, bool) override {
    if (++walked_ > kMaxCheckedWalk) return false;
    return chunk.at < near_ || ++behind_ <= kCheckedBehind;
  }
  bool on_gap(AddressRange) override { return true; }
  void on_damage(HeapDamage damage) override { heap_.add_damage(std::move(damage)); }
  void around(Address near) {
    near_ = near;
    behind_ = walked_ = 0;
  }

 private:
  GlibcHeap& heap_;
  Address near_;
  uint64_t behind_ = 0, walked_ = 0;
};

void GlibcHeap::check(std::span<const Address> near) {
  add_list_damage();
  Words words(input_.memory);
  Check check(*this);
  for (const Address address : near) {
    const Region* region = arenas_.region_at(address);
    if (region == nullptr) continue;
    Address from = address;
    Address at = address;
    for (uint64_t n = 0; n < kCheckedBefore; ++n) {
      const auto boundary = boundary_before(*region, at);
      if (!boundary || address - *boundary > kMaxCheckedBytes) break;
      from = *boundary;
      at = *boundary - 1;
    }
    if (from == address) continue;  // no known boundary is near
    check.around(address);
    walk(words,
         {.region = *region,
          .arena = arenas_.all[region->arena],
          .boundaries = boundaries(),
          .from = from,
          .to = region->chunks.end},
         check);
  }
}

}  // namespace glibc
}  // namespace inquest::process
