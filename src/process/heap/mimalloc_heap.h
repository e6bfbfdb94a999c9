// mimalloc 2 as one object. Its records stand apart from the blocks: live ones are never read,
// unless the build puts a canary at their end.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "process/heap/heap.h"
#include "process/heap/mimalloc_layout.h"
#include "process/heap/mimalloc_lists.h"

namespace inquest::process {

std::vector<std::unique_ptr<Allocator>> recognise_mimalloc(const HeapInput& input);

namespace mimalloc {

class MimallocHeap final : public Allocator {
 public:
  MimallocHeap(const HeapInput& input, Found found);

  std::string name() const override;
  const std::vector<HeapRegion>& regions() const override { return regions_; }
  const std::vector<std::string>& places() const override { return places_; }
  std::vector<AddressRange> records() const override;
  std::optional<Located> locate(Address address) const override;
  void visit(const BlockVisitor& visitor) override;
  void check(std::span<const Address> near) override;
  const std::vector<HeapDamage>& damage() const override { return damage_; }
  const std::vector<std::string>& notes() const override { return notes_; }
  uint64_t link_bytes() const override { return 8; }

  const Layout& layout() const { return layout_; }

 private:
  class Visit;

  void find_owners();
  void find_heaps();
  const Segment* segment_at(Address address) const;
  std::string whose(uint64_t thread) const;
  uint32_t place_index(const Segment& segment, ListKind kind) const;
  std::optional<Page> page_at(const Segment& segment, Address address) const;
  // What the padding of a live block says: the size that was asked for, or damage.
  void read_padding(Words& words, const Page& page, Block& block,
                    std::vector<HeapDamage>* damage) const;
  Block block_of(Words& words, const Segment& segment, const Page& page, uint64_t index,
                 const PageLists& lists, std::vector<HeapDamage>* damage) const;
  Located locate_in(const Segment& segment, const Page& page, Address address) const;
  Located outside_blocks(AddressRange range, BlockState state, std::string place) const;
  void check_page(Words& words, const Segment& segment, const Page& page, const PageLists& lists);
  std::optional<Block> before_source_of(Words& words, const Segment& segment, const Page& page,
                                        const PageLists& lists) const;
  void check_heads(Words& words, ListReader& reader);
  void add_damage(std::vector<HeapDamage> found);

  HeapInput input_;
  Layout layout_;
  std::vector<Segment> segments_;
  std::vector<uint64_t> owners_;  // thread pointers; a place for each and each kind of list
  std::vector<Address> heaps_;
  Delayed delayed_;
  std::vector<HeapRegion> regions_;
  std::vector<std::string> places_;
  std::vector<HeapDamage> damage_;
  std::vector<std::string> notes_;
};

}  // namespace mimalloc
}  // namespace inquest::process
