// glibc's malloc (ptmalloc), 2.26 and later: the allocator as one object.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "process/heap/glibc_arenas.h"
#include "process/heap/glibc_bins.h"
#include "process/heap/glibc_caches.h"
#include "process/heap/glibc_mmapped.h"
#include "process/heap/glibc_walk.h"
#include "process/heap/heap.h"

namespace inquest::process {

std::vector<std::unique_ptr<Allocator>> recognise_glibc(const HeapInput& input);

namespace glibc {

class GlibcHeap final : public Allocator {
 public:
  GlibcHeap(const HeapInput& input, Arenas arenas);

  std::string name() const override;
  const std::vector<HeapRegion>& regions() const override { return regions_; }
  const std::vector<std::string>& places() const override { return places_; }
  std::vector<AddressRange> records() const override;
  std::optional<Located> locate(Address address) const override;
  bool walking_proves() const override { return true; }
  void visit(const BlockVisitor& visitor) override;
  void check(std::span<const Address> near) override;
  const std::vector<HeapDamage>& damage() const override { return damage_; }
  const std::vector<std::string>& notes() const override { return notes_; }

  const Arenas& arenas() const { return arenas_; }
  const Caches& caches() const { return caches_; }

 private:
  class Classifier;
  class Visit;
  class Search;
  class Check;

  void describe_places();
  uint64_t state_size() const;
  void add_damage(HeapDamage damage);
  void add_list_damage();
  Block block_of(const Chunk& chunk, bool in_use, const Region& region) const;
  bool is_tcache(const Chunk& chunk) const;
  // Chunks of the region that are known to be chunks, without walking: its start, free chunks.
  const std::vector<Address>& boundaries() const;
  void remember(Address chunk) const;  // a boundary that a walk has proved
  std::optional<Address> boundary_before(const Region& region, Address address) const;
  std::optional<Located> locate_in(const Region& region, Address address) const;
  std::optional<Located> locate_by_agreement(const Region& region, Address address) const;
  std::optional<Located> locate_arena(Address address) const;
  std::string place_of(const Chunk& chunk, const Block& block) const;
  const Bins& bins() const;

  HeapInput input_;
  Arenas arenas_;
  Caches caches_;
  MmappedChunks mmapped_;
  std::vector<Address> tcaches_;  // sorted
  std::vector<HeapRegion> regions_;
  std::vector<std::string> places_;
  uint32_t first_bin_place_ = 0, first_top_place_ = 0, tcache_place_ = 0, mmapped_place_ = 0;
  std::vector<HeapDamage> damage_;
  std::vector<std::string> notes_;
  bool lists_told_ = false;
  mutable std::optional<Bins> bins_;
  mutable std::optional<std::vector<Address>> boundaries_;
};

}  // namespace glibc
}  // namespace inquest::process
