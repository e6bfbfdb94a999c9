// gperftools' tcmalloc: the allocator as one object. Free objects are linked through their first
// words, so that a write through a dangling pointer shows itself.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "process/heap/heap.h"
#include "process/heap/tcmalloc_caches.h"
#include "process/heap/tcmalloc_spans.h"

namespace inquest::process {

std::vector<std::unique_ptr<Allocator>> recognise_tcmalloc(const RootWords& words);

namespace tcmalloc {

class TcmallocHeap final : public Allocator {
 public:
  TcmallocHeap(const HeapInput& input, const Layout& layout);

  std::string name() const override { return "tcmalloc (gperftools)"; }
  const std::vector<HeapRegion>& regions() const override;
  const std::vector<std::string>& places() const override { return places_; }
  std::vector<AddressRange> records() const override;
  std::optional<Located> locate(Address address) const override;
  void visit(const BlockVisitor& visitor) override;
  void check(std::span<const Address> near) override;
  const std::vector<HeapDamage>& damage() const override { return damage_; }
  const std::vector<std::string>& notes() const override { return notes_; }
  uint64_t link_bytes() const override { return 8; }

  const Caches& caches() const { return caches_; }

 private:
  // Which objects of a span its own list has.
  struct Objects {
    uint64_t count = 0, size = 0;  // 0: it is not cut, or sizes are not known
    std::vector<bool> is_free;
    std::optional<HeapDamage> damage;
  };
  struct Survey {
    std::vector<HeapRegion> regions;
    std::vector<AddressRange> records;
  };

  const Survey& survey() const;
  void add_damage(HeapDamage damage);
  Objects objects_of(const Span& span) const;
  void follow(const Span& span, Objects& objects) const;
  Block object_block(const Span& span, const Objects& objects, uint64_t index) const;
  Block whole_block(const Span& span) const;
  std::optional<Block> edge_block(Address inside, bool last) const;
  std::string place_of(const Span& span, const Block& block) const;
  bool all_caches() const { return caches_.threads_found && caches_.central_found; }

  HeapInput input_;
  SpanMap map_;
  Caches caches_;
  std::vector<std::string> places_;
  uint32_t span_place_ = 0, free_place_ = 0;
  std::vector<HeapDamage> damage_;
  std::vector<std::string> notes_;
  mutable std::optional<Survey> survey_;
};

}  // namespace tcmalloc
}  // namespace inquest::process
