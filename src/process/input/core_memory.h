// CoreMemory: what a core holds, by address. Bytes stay in the (mapped) file; each address has a
// reason when absent.
#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

#include "base/bytes.h"
#include "process/image/memory.h"

namespace inquest::process {

class CoreMemory final : public MemoryReader {
 public:
  struct Piece {
    AddressRange range;
    uint64_t offset = 0;     // of range.start in the core
    uint64_t dumped = 0;     // bytes the producer wrote, from range.start on
    uint64_t available = 0;  // of those, how many the core still has
  };

  // `pieces`: sorted by start, not overlapping. `core` must outlive this.
  // `outside`: what is to be said of addresses in none of them; `undumped`: of those that the
  // producer did not write.
  CoreMemory(ByteView core, std::vector<Piece> pieces, Missing outside = Missing::kUnmapped,
             Missing undumped = Missing::kNotDumped)
      : core_(core), pieces_(std::move(pieces)), outside_(outside), undumped_(undumped) {}

  ByteView view(Address address, uint64_t max) const override;
  Missing why_missing(Address address) const override;

 private:
  const Piece* find(Address address) const;

  ByteView core_;
  std::vector<Piece> pieces_;
  Missing outside_;
  Missing undumped_;
  mutable std::atomic<size_t> last_ = 0;  // reads come in runs
};

}  // namespace inquest::process
