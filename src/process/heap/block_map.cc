#include "process/heap/block_map.h"

#include <algorithm>
#include <bit>

namespace inquest::process {
namespace {

// Blocks further apart than this get a range of their own.
constexpr uint64_t kMaxGap = uint64_t{1} << 20;
// Bits of one map: 64 GiB of heap.
constexpr uint64_t kMaxGranules = uint64_t{1} << 32;

}  // namespace

void BitMap::resize(uint64_t bits) {
  words_.assign(bits / 64 + 1, 0);
  summary_.assign(bits / 4096 + 1, 0);
}

std::optional<uint64_t> BitMap::last_at(uint64_t bit) const {
  uint64_t word = bit / 64;
  uint64_t bits = words_[word] & (~uint64_t{0} >> (63 - bit % 64));
  while (bits == 0) {
    // The last word before this one that has bits, by the summary.
    if (word == 0) return std::nullopt;
    --word;
    uint64_t group = word / 64;
    uint64_t full = summary_[group] & (~uint64_t{0} >> (63 - word % 64));
    while (full == 0) {
      if (group == 0) return std::nullopt;
      full = summary_[--group];
    }
    word = group * 64 + 63 - static_cast<uint64_t>(std::countl_zero(full));
    bits = words_[word];
  }
  return word * 64 + 63 - static_cast<uint64_t>(std::countl_zero(bits));
}

std::optional<uint64_t> BitMap::first_at(uint64_t bit) const {
  uint64_t word = bit / 64;
  if (word >= words_.size()) return std::nullopt;
  uint64_t bits = words_[word] & (~uint64_t{0} << bit % 64);
  while (bits == 0) {
    if (++word >= words_.size()) return std::nullopt;
    uint64_t group = word / 64;
    uint64_t full = summary_[group] & (~uint64_t{0} << word % 64);
    while (full == 0) {
      if (++group >= summary_.size()) return std::nullopt;
      full = summary_[group];
    }
    word = group * 64 + static_cast<uint64_t>(std::countr_zero(full));
    bits = words_[word];
  }
  return word * 64 + static_cast<uint64_t>(std::countr_zero(bits));
}

BlockMap::BlockMap(std::span<const std::unique_ptr<Allocator>> allocators) {
  for (const auto& allocator : allocators) {
    allocator->visit([&](std::span<const Block> blocks) {
      for (const Block& block : blocks) {
        const Address end = std::max(block.end(), block.start + 1);
        const bool near = !ranges_.empty() && block.start >= ranges_.back().start &&
                          block.start - ranges_.back().start < ranges_.back().size() + kMaxGap;
        if (near) {
          ranges_.back().end = std::max(ranges_.back().end, end);
        } else {
          ranges_.push_back({block.start, end});
        }
      }
      return true;
    });
  }
  std::sort(ranges_.begin(), ranges_.end(),
            [](const AddressRange& a, const AddressRange& b) { return a.start < b.start; });
  for (size_t i = 1; i < ranges_.size(); ++i)
    ranges_[i].start = std::max(ranges_[i].start, ranges_[i - 1].end);
  std::erase_if(ranges_, [](const AddressRange& r) { return r.start >= r.end; });
  for (const AddressRange& range : ranges_) {
    first_.push_back(granules_);
    granules_ += range.size() / kGranule + 2;
    if (granules_ > kMaxGranules) break;
  }
  ranges_.resize(first_.size());
  starts_.resize(granules_);
  live_.resize(granules_);
  for (const auto& allocator : allocators) {
    allocator->visit([&](std::span<const Block> blocks) {
      for (const Block& block : blocks) {
        const auto granule = granule_of(block.start);
        if (!granule || starts_.get(*granule)) continue;
        starts_.set(*granule);
        if (block.state == BlockState::kLive) live_.set(*granule);
      }
      return true;
    });
  }
}

std::optional<uint64_t> BlockMap::granule_of(Address address) const {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), address,
                                      [](Address a, const AddressRange& r) { return a < r.start; });
  if (after == ranges_.begin()) return std::nullopt;
  const auto index = static_cast<size_t>(after - ranges_.begin()) - 1;
  if (!ranges_[index].contains(address)) return std::nullopt;
  return first_[index] + (address - ranges_[index].start) / kGranule;
}

Address BlockMap::address_of(uint64_t granule) const {
  const auto after = std::upper_bound(first_.begin(), first_.end(), granule);
  const auto index = static_cast<size_t>(after - first_.begin()) - 1;
  return ranges_[index].start + (granule - first_[index]) * kGranule;
}

std::optional<BlockMap::Id> BlockMap::find(Address address) const {
  const auto granule = granule_of(address);
  if (!granule) return std::nullopt;
  const auto start = starts_.last_at(*granule);
  if (!start || !live_.get(*start)) return std::nullopt;
  return start;
}

AddressRange BlockMap::range_of(Id block) const {
  const Address start = address_of(block);
  const auto index = static_cast<size_t>(std::upper_bound(first_.begin(), first_.end(), block) -
                                         first_.begin() - 1);
  const Address limit = ranges_[index].end;
  const auto next = starts_.first_at(block + 1);
  const Address end = next ? address_of(*next) : limit;
  return {start, std::min(std::max(end, start), limit)};
}

std::optional<BlockMap::Id> BlockMap::next(Id from) const { return live_.first_at(from); }

}  // namespace inquest::process
