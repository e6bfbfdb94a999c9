// jemalloc 5: the allocator as one object. Its records lie apart from the blocks, so that an
// overrun block damages its neighbour but not what is said here.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "process/heap/heap.h"
#include "process/heap/jemalloc_caches.h"
#include "process/heap/jemalloc_pages.h"

namespace inquest::process {

std::vector<std::unique_ptr<Allocator>> recognise_jemalloc(const RootWords& words);

namespace jemalloc {

class JemallocHeap final : public Allocator {
 public:
  JemallocHeap(const HeapInput& input, const Layout& layout);

  std::string name() const override;
  const std::vector<HeapRegion>& regions() const override;
  const std::vector<std::string>& places() const override { return places_; }
  std::vector<AddressRange> records() const override;
  std::optional<Located> locate(Address address) const override;
  void visit(const BlockVisitor& visitor) override;
  void check(std::span<const Address> near) override;
  const std::vector<HeapDamage>& damage() const override { return damage_; }
  const std::vector<std::string>& notes() const override { return notes_; }

  uint64_t link_bytes() const override { return 0; }

  const Layout& layout() const { return map_.layout(); }
  const Caches& caches() const { return caches_; }

 private:
  class Visit;
  // What one pass over all extents' records tells.
  struct Survey {
    std::vector<HeapRegion> regions;
    std::vector<AddressRange> records;
  };

  void describe_places();
  const Survey& survey() const;
  void add_damage(HeapDamage damage);
  uint64_t region_count(const Extent& slab) const;  // 0: it cannot be a slab
  Block region_block(const Extent& slab, const SlabBits& bits, uint64_t region) const;
  Block whole_block(const Extent& extent) const;  // of an extent that is no slab
  bool is_own(Address start, uint64_t size) const;
  std::optional<Block> edge_block(Address inside, bool last) const;
  std::optional<Located> locate_region(const Extent& slab, Address address) const;
  std::optional<Located> locate_whole(const Extent& extent, Address address) const;
  std::optional<Located> locate_broken(Address address) const;
  HeapDamage broken_record(Address page, const Element& element) const;
  std::string place_of(const Extent& extent, const Block& block) const;
  void check_extent(const Extent& extent);
  void check_slab(const Extent& slab, const SlabBits& bits);

  HeapInput input_;
  PageMap map_;
  SizeClasses classes_;
  Caches caches_;
  std::vector<std::string> places_;
  uint32_t slab_place_ = 0, spare_place_ = 0, own_place_ = 0;
  std::vector<HeapDamage> damage_;
  std::vector<std::string> notes_;
  mutable std::optional<Survey> survey_;
};

}  // namespace jemalloc
}  // namespace inquest::process
