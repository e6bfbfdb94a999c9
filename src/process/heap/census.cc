#include "process/heap/census.h"

#include <algorithm>
#include <unordered_map>

#include "process/heap/words.h"

namespace inquest::process {
namespace {

// Sizes below this are counted in a table, larger ones in a map.
constexpr uint64_t kTableLimit = 64 * 1024;
constexpr size_t kMaxTypes = 65536;  // virtual tables, and addresses that turned out to be none

bool more_bytes(const Tally& a, const Tally& b) { return a.bytes > b.bytes; }

class Counter {
 public:
  Counter(const HeapInput& input, size_t top)
      : namer_(input), words_(input.memory), top_(top), table_(kTableLimit / 8) {
    if (input.modules == nullptr) return;
    for (const auto& module : input.modules->all()) {
      modules_.start = std::min(modules_.start, module->range.start);
      modules_.end = std::max(modules_.end, module->range.end);
    }
  }

  void count(const Block& block) {
    census_.states[static_cast<size_t>(block.state)].add(block);
    if (block.state != BlockState::kLive) return;
    if (block.size < kTableLimit) {
      table_[block.size / 8].add(block);
    } else {
      large_[block.size].add(block);
    }
    count_type(block);
    keep_biggest(block);
  }

  Census take() {
    for (const Tally& tally : table_) {
      if (tally.count != 0) census_.sizes.push_back({tally.bytes / tally.count, tally});
    }
    for (const auto& [size, tally] : large_) census_.sizes.push_back({size, tally});
    std::sort(census_.sizes.begin(), census_.sizes.end(), [](const SizeRow& a, const SizeRow& b) {
      return a.live.bytes != b.live.bytes ? more_bytes(a.live, b.live) : a.size < b.size;
    });
    if (census_.sizes.size() > top_) census_.sizes.resize(top_);
    take_types();
    std::sort_heap(census_.biggest.begin(), census_.biggest.end(), larger);
    return std::move(census_);
  }

 private:
  static bool larger(const Block& a, const Block& b) {
    return a.size != b.size ? a.size > b.size : a.start < b.start;
  }

  void count_type(const Block& block) {
    if (block.size < sizeof(uint64_t)) return;
    const auto word = words_.at(block.start);
    if (!word || !modules_.contains(Address(*word)) || *word % 8 != 0) return;
    auto known = types_.find(*word);
    if (known == types_.end()) {
      if (types_.size() >= kMaxTypes) return;
      TypeRow row;
      if (const auto name = namer_.type_of_vtable(Address(*word))) row.mangled = name->mangled;
      row.vtable = Address(*word);
      known = types_.emplace(*word, std::move(row)).first;
    }
    known->second.live.add(block);
  }

  void take_types() {
    for (auto& [vtable, row] : types_) {
      if (!row.mangled.empty()) census_.types.push_back(std::move(row));
    }
    std::sort(census_.types.begin(), census_.types.end(), [](const TypeRow& a, const TypeRow& b) {
      return a.live.bytes != b.live.bytes ? more_bytes(a.live, b.live) : a.vtable < b.vtable;
    });
    if (census_.types.size() > top_) census_.types.resize(top_);
  }

  void keep_biggest(const Block& block) {
    auto& heap = census_.biggest;
    if (heap.size() < top_) {
      heap.push_back(block);
      std::push_heap(heap.begin(), heap.end(), larger);
    } else if (top_ > 0 && larger(block, heap.front())) {
      std::pop_heap(heap.begin(), heap.end(), larger);
      heap.back() = block;
      std::push_heap(heap.begin(), heap.end(), larger);
    }
  }

  ObjectNamer namer_;
  Words words_;
  size_t top_;
  AddressRange modules_{Address(~uint64_t{0}), Address(0)};
  std::vector<Tally> table_;
  std::unordered_map<uint64_t, Tally> large_;
  std::unordered_map<uint64_t, TypeRow> types_;
  Census census_;
};

}  // namespace

Census take_census(const HeapInput& input, Allocator& allocator, size_t top) {
  Counter counter(input, top);
  allocator.visit([&](std::span<const Block> blocks) {
    for (const Block& block : blocks) counter.count(block);
    return true;
  });
  return counter.take();
}

}  // namespace inquest::process
