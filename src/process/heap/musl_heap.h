// musl's mallocng as one object. Its records stand apart from the blocks, so a damaged block hides
// no other.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "process/heap/heap.h"
#include "process/heap/musl_context.h"
#include "process/heap/musl_slot.h"

namespace inquest::process {

std::vector<std::unique_ptr<Allocator>> recognise_musl(const HeapInput& input);

namespace musl {

class MuslHeap final : public Allocator {
 public:
  MuslHeap(const HeapInput& input, const Context& context);

  std::string name() const override { return "musl mallocng"; }
  const std::vector<HeapRegion>& regions() const override { return regions_; }
  const std::vector<std::string>& places() const override { return places_; }
  std::vector<AddressRange> records() const override;
  std::optional<Located> locate(Address address) const override;
  void visit(const BlockVisitor& visitor) override;
  void check(std::span<const Address> near) override;
  const std::vector<HeapDamage>& damage() const override { return damage_; }
  const std::vector<std::string>& notes() const override { return notes_; }
  uint64_t link_bytes() const override { return 0; }
  const Module* trapping_module() const override { return context_.module; }
  std::optional<Address> record_of(Address pointer) const override;

  const Context& context() const { return context_; }

 private:
  // A group that lies in no other's slot.
  struct Top {
    AddressRange extent;
    Address meta;
  };
  // A group on the way down, and what is known of it.
  struct Group {
    Meta meta;
    uint32_t active = 0;
    bool header_agrees = true;
  };
  class Walk;

  void find_groups();
  void find_regions();
  void describe_places();
  const Top* top_at(Address address) const;
  Group open(Words& words, const Meta& meta) const;
  std::optional<Meta> nested_within(const AddressRange& range) const;
  std::optional<Group> open_nested(Words& words, const Slot& slot) const;
  uint32_t place_index(const Meta& meta, uint32_t slot, BlockState state) const;
  std::string place_of(const Group& group, uint32_t index, const Block& block) const;
  Block block_of(const Group& group, uint32_t index, const Slot& slot) const;
  std::optional<Block> neighbour(Words& words, const Group& group, int64_t index) const;
  Located locate_in(Words& words, const Group& group, Address address) const;
  void check_group(Words& words, const Group& group, std::optional<Block> before);
  void check_slot(Words& words, const Group& group, uint32_t index, const Slot& slot);
  void check_rings();
  void add_damage(HeapDamage damage);

  HeapInput input_;
  Context context_;
  std::vector<Top> tops_;  // by address, not overlapping
  mutable std::optional<std::vector<std::pair<Address, Address>>> nested_;  // and its record
  std::vector<AddressRange> areas_;
  std::vector<HeapRegion> regions_;
  std::vector<std::string> places_;
  std::vector<HeapDamage> damage_;
  std::vector<std::string> notes_;
};

}  // namespace musl
}  // namespace inquest::process
