// Every block of a heap in a few bits: which block holds an address, and marks on blocks. One bit
// for 16 bytes of heap and a map, so 4 GiB of heap take 32 MiB a map.
#pragma once

#include <optional>
#include <vector>

#include "process/heap/heap.h"

namespace inquest::process {

class BitMap {
 public:
  void resize(uint64_t bits);
  bool get(uint64_t bit) const { return (words_[bit / 64] >> bit % 64 & 1) != 0; }
  void set(uint64_t bit) {
    words_[bit / 64] |= uint64_t{1} << bit % 64;
    summary_[bit / 4096] |= uint64_t{1} << bit / 64 % 64;
  }
  void clear(uint64_t bit) { words_[bit / 64] &= ~(uint64_t{1} << bit % 64); }
  // The last set bit at or below `bit`, the first at or above it.
  std::optional<uint64_t> last_at(uint64_t bit) const;
  std::optional<uint64_t> first_at(uint64_t bit) const;

 private:
  std::vector<uint64_t> words_, summary_;  // a bit of the summary: a word that may have bits
};

class BlockMap {
 public:
  static constexpr uint64_t kGranule = 16;

  // Takes two passes over the heaps. Blocks that begin between granules share one: the first wins.
  explicit BlockMap(std::span<const std::unique_ptr<Allocator>> allocators);

  // A live block, by the number of its first granule.
  using Id = uint64_t;
  // The live block that holds `address`.
  std::optional<Id> find(Address address) const;
  AddressRange range_of(Id block) const;  // to the start of what follows it
  std::optional<Id> next(Id from) const;  // the first live block at or behind it

  const std::vector<AddressRange>& ranges() const { return ranges_; }
  uint64_t granules() const { return granules_; }

 private:
  std::optional<uint64_t> granule_of(Address address) const;
  Address address_of(uint64_t granule) const;

  std::vector<AddressRange> ranges_;  // of the heaps, by address
  std::vector<uint64_t> first_;       // granule of each range's start
  uint64_t granules_ = 0;
  BitMap starts_, live_;
};

}  // namespace inquest::process
