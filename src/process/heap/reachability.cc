#include "process/heap/reachability.h"

#include <algorithm>
#include <map>

#include "process/heap/block_map.h"
#include "process/heap/roots.h"

namespace inquest::process {
namespace {

// Blocks waiting in a list; more wait as bits, to be found by a sweep.
constexpr size_t kMaxWaiting = size_t{1} << 20;
constexpr uint64_t kMaxAbsent = 65536;  // pages that are not in the core, of one block
// Bytes of heap read before what was read is given back to the kernel.
constexpr uint64_t kKept = uint64_t{256} << 20;

class Marker {
 public:
  Marker(const HeapInput& input, std::span<const std::unique_ptr<Allocator>> allocators)
      : input_(input), map_(allocators) {
    marked_.resize(map_.granules());
    pending_.resize(map_.granules());
    const auto& ranges = map_.ranges();
    if (!ranges.empty()) whole_ = {ranges.front().start, ranges.back().end};
    excluded_ = ranges;
    for (const auto& allocator : allocators) {
      const auto records = allocator->records();
      excluded_.insert(excluded_.end(), records.begin(), records.end());
    }
    std::sort(excluded_.begin(), excluded_.end(),
              [](const AddressRange& a, const AddressRange& b) { return a.start < b.start; });
  }

  void mark_from_roots() {
    for (const Thread& thread : input_.image.threads) {
      for (isa::RegisterId id = 0; id < isa::kRegisterCount; ++id) {
        if (const auto value = thread.registers.get(id)) mark(Address(*value));
      }
    }
    for (const Root& root : find_roots(input_, excluded_)) {
      scan_words(input_.memory, root.range, whole_,
                 [&](Address, uint64_t value) { mark(Address(value)); });
      drain();
    }
    sweep();
  }

  Unreachable report(size_t top) {
    find_heads();
    Unreachable out;
    std::map<uint64_t, Tally> sizes;
    for (auto id = map_.next(0); id; id = map_.next(*id + 1)) {
      if (marked_.get(*id)) continue;
      const AddressRange range = map_.range_of(*id);
      const Block block{.start = range.start, .size = range.size(), .footprint = range.size()};
      out.all.add(block);
      if (pending_.get(*id)) continue;
      out.direct.add(block);
      sizes[block.size].add(block);
      out.biggest.push_back(block);
      if (out.biggest.size() > 2 * top + 1024) keep_largest(out.biggest, top);
    }
    keep_largest(out.biggest, top);
    for (const auto& [size, tally] : sizes) out.sizes.push_back({size, tally});
    std::sort(out.sizes.begin(), out.sizes.end(), [](const SizeRow& a, const SizeRow& b) {
      return a.live.bytes != b.live.bytes ? a.live.bytes > b.live.bytes : a.size < b.size;
    });
    if (out.sizes.size() > top) out.sizes.resize(top);
    return out;
  }

 private:
  static void keep_largest(std::vector<Block>& blocks, size_t top) {
    std::sort(blocks.begin(), blocks.end(), [](const Block& a, const Block& b) {
      return a.size != b.size ? a.size > b.size : a.start < b.start;
    });
    if (blocks.size() > top) blocks.resize(top);
  }

  void mark(Address address) {
    const auto id = map_.find(address);
    if (!id || marked_.get(*id)) return;
    marked_.set(*id);
    if (waiting_.size() < kMaxWaiting) {
      waiting_.push_back(*id);
    } else {
      pending_.set(*id);
      overflowed_ = true;
    }
  }

  void scan(BlockMap::Id id) {
    const AddressRange range = map_.range_of(id);
    each_pointer(range, [&](Address target) { mark(target); });
    account(range.size());
  }

  template <typename Visit>
  void each_pointer(AddressRange range, const Visit& visit) {
    Address at = range.start;
    uint64_t absent = 0;
    while (at < range.end) {
      const ByteView bytes = input_.memory.view(at, range.end - at);
      if (bytes.size() < sizeof(uint64_t)) {
        const Address next = (at + 4096).page();
        if (next <= at || ++absent > kMaxAbsent) return;
        at = next;
        continue;
      }
      for (size_t i = 0; i + sizeof(uint64_t) <= bytes.size(); i += sizeof(uint64_t)) {
        const uint64_t word = *load<uint64_t>(bytes, i);
        if (whole_.contains(Address(word))) visit(Address(word));
      }
      at = at + std::max<uint64_t>(bytes.size() & ~uint64_t{7}, 8);
    }
  }

  // Random reads touch any page: now and then all are given back.
  void account(uint64_t bytes) {
    read_ += bytes;
    if (read_ < kKept) return;
    read_ = 0;
    for (const AddressRange& range : map_.ranges()) {
      input_.memory.done_with(input_.memory.view(range.start, range.size()));
    }
  }

  void drain() {
    while (!waiting_.empty()) {
      const BlockMap::Id id = waiting_.back();
      waiting_.pop_back();
      scan(id);
    }
  }

  void sweep() {
    while (overflowed_) {
      overflowed_ = false;
      for (auto id = pending_.first_at(0); id; id = pending_.first_at(*id + 1)) {
        pending_.clear(*id);
        scan(*id);
        drain();
      }
    }
  }

  // Marks as pending what other unreachable blocks point at.
  void find_heads() {
    for (auto id = map_.next(0); id; id = map_.next(*id + 1)) {
      if (marked_.get(*id)) continue;
      const AddressRange range = map_.range_of(*id);
      each_pointer(range, [&](Address address) {
        const auto target = map_.find(address);
        if (target && *target != *id && !marked_.get(*target)) pending_.set(*target);
      });
      account(range.size());
    }
  }

  const HeapInput& input_;
  BlockMap map_;
  BitMap marked_, pending_;
  AddressRange whole_;
  std::vector<AddressRange> excluded_;  // from the roots: heaps, and records of allocators
  std::vector<BlockMap::Id> waiting_;
  bool overflowed_ = false;
  uint64_t read_ = 0;
};

}  // namespace

Unreachable find_unreachable(const HeapInput& input,
                             std::span<const std::unique_ptr<Allocator>> allocators, size_t top) {
  Marker marker(input, allocators);
  marker.mark_from_roots();
  return marker.report(top);
}

}  // namespace inquest::process
