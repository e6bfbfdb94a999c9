#include "process/input/core_memory.h"

#include <algorithm>

namespace inquest::process {

const CoreMemory::Piece* CoreMemory::find(Address address) const {
  const size_t last = last_.load(std::memory_order_relaxed);
  if (last < pieces_.size() && pieces_[last].range.contains(address)) return &pieces_[last];
  const auto after =
      std::upper_bound(pieces_.begin(), pieces_.end(), address,
                       [](Address a, const Piece& piece) { return a < piece.range.start; });
  if (after == pieces_.begin()) return nullptr;
  const auto found = std::prev(after);
  if (!found->range.contains(address)) return nullptr;
  last_.store(static_cast<size_t>(found - pieces_.begin()), std::memory_order_relaxed);
  return &*found;
}

ByteView CoreMemory::view(Address address, uint64_t max) const {
  const Piece* piece = find(address);
  if (piece == nullptr) return {};
  const uint64_t inside = address - piece->range.start;
  if (inside >= piece->available) return {};
  return core_.subspan(piece->offset + inside, std::min(max, piece->available - inside));
}

Missing CoreMemory::why_missing(Address address) const {
  const Piece* piece = find(address);
  if (piece == nullptr) return outside_;
  const uint64_t inside = address - piece->range.start;
  if (inside < piece->available) return Missing::kNone;
  return inside < piece->dumped ? Missing::kTruncated : undumped_;
}

}  // namespace inquest::process
