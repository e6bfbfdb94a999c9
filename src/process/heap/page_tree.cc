#include "process/heap/page_tree.h"

#include <algorithm>

namespace inquest::process {
namespace {

// Elements looked at on the way back to the start of a large block: 256 GiB of it.
constexpr uint64_t kMaxBack = uint64_t{1} << 26;

}  // namespace

PageTree::PageTree(const HeapInput& input, Address root, const TreeShape& shape)
    : memory_(input.memory), shape_(shape) {
  add_leaves(root, 0, 0);
  std::sort(leaves_.begin(), leaves_.end(),
            [](const Leaf& a, const Leaf& b) { return a.covers < b.covers; });
  drop_shared();
}

// `prefix`: the bits of the address that led to this table.
void PageTree::add_leaves(Address table, uint32_t level, uint64_t prefix) {
  const uint64_t count = uint64_t{1} << shape_.bits[level];
  const bool to_leaf = level + 2 == shape_.levels();
  const uint64_t below = to_leaf ? shape_.leaf_span() : shape_.leaf_span() << shape_.bits[1];
  for (uint64_t i = 0; i < count;) {
    const ByteView view = memory_.view(table + i * 8, (count - i) * 8);
    if (view.size() < 8) return;  // tables lie in one piece
    for (uint64_t at = 0; at + 8 <= view.size(); at += 8, ++i) {
      const uint64_t child = *load<uint64_t>(view, at);
      if (child == 0 || child % 8 != 0) continue;
      if (leaves_.size() >= kMaxLeaves) {
        cut_ = true;
        return;
      }
      const uint64_t covers = prefix + i * below;
      if (!to_leaf) {
        add_leaves(Address(child), level + 1, covers);
        continue;
      }
      const ByteView bytes = memory_.view(Address(child), shape_.leaf_bytes());
      missing_ += shape_.leaf_bytes() - bytes.size();
      if (!bytes.empty()) leaves_.push_back({Address(covers), bytes});
    }
  }
}

// Leaves do not share memory; where they seem to, looking through them would take for ever.
void PageTree::drop_shared() {
  std::vector<std::pair<const uint8_t*, size_t>> order;
  for (size_t i = 0; i < leaves_.size(); ++i) order.emplace_back(leaves_[i].bytes.data(), i);
  std::sort(order.begin(), order.end());
  const uint8_t* free_from = nullptr;
  for (const auto& [data, i] : order) {
    if (data < free_from) {
      leaves_[i].bytes = {};
    } else {
      free_from = data + leaves_[i].bytes.size();
    }
  }
  std::erase_if(leaves_, [](const Leaf& leaf) { return leaf.bytes.empty(); });
}

std::optional<PageTree::Entry> PageTree::entry(const Leaf& leaf, uint64_t index) const {
  const auto word = load<uint64_t>(leaf.bytes, index * shape_.element_size);
  if (!word || (*word & shape_.record_mask) == 0) return std::nullopt;
  if (leaf.bytes.size() / shape_.element_size <= index) return std::nullopt;
  return Entry{leaf.covers + (index << shape_.lg_page),
               leaf.bytes.subspan(index * shape_.element_size, shape_.element_size)};
}

std::optional<PageTree::Entry> PageTree::at(Address address) const {
  const auto after = std::upper_bound(leaves_.begin(), leaves_.end(), address,
                                      [](Address a, const Leaf& leaf) { return a < leaf.covers; });
  if (after == leaves_.begin()) return std::nullopt;
  const Leaf& leaf = *std::prev(after);
  if (address - leaf.covers >= shape_.leaf_span()) return std::nullopt;
  return entry(leaf, (address - leaf.covers) >> shape_.lg_page);
}

std::optional<PageTree::Entry> PageTree::first_in(Address from, Address to) const {
  const auto after = std::upper_bound(leaves_.begin(), leaves_.end(), from,
                                      [](Address a, const Leaf& leaf) { return a < leaf.covers; });
  auto leaf = after == leaves_.begin() ? after : std::prev(after);
  for (; leaf != leaves_.end() && leaf->covers < to; ++leaf) {
    if (from >= leaf->covers + shape_.leaf_span()) continue;
    const Address start = std::max(from, leaf->covers);
    const uint64_t count = leaf->bytes.size() / shape_.element_size;
    for (uint64_t i = (start - leaf->covers + shape_.page() - 1) >> shape_.lg_page; i < count;
         ++i) {
      const auto found = entry(*leaf, i);
      if (!found) continue;
      return found->page < to ? found : std::nullopt;
    }
  }
  return std::nullopt;
}

std::optional<PageTree::Entry> PageTree::last_in(Address low, Address from) const {
  auto leaf = std::upper_bound(leaves_.begin(), leaves_.end(), from,
                               [](Address a, const Leaf& l) { return a < l.covers; });
  uint64_t steps = 0;
  while (leaf != leaves_.begin()) {
    --leaf;
    if (leaf->covers + shape_.leaf_span() <= low) break;
    const uint64_t count = leaf->bytes.size() / shape_.element_size;
    if (count == 0) continue;
    for (uint64_t i = std::min((from - leaf->covers) >> shape_.lg_page, count - 1) + 1; i-- > 0;) {
      if (leaf->covers + (i << shape_.lg_page) < low || ++steps > kMaxBack) return std::nullopt;
      if (auto found = entry(*leaf, i)) return found;
    }
  }
  return std::nullopt;
}

}  // namespace inquest::process
