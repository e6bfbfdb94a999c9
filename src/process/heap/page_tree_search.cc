#include <algorithm>
#include <set>

#include "process/heap/page_tree.h"

namespace inquest::process {
namespace {

// Writable data of a module is searched up to this size; so many elements of would-be leaves.
constexpr uint64_t kMaxSearched = uint64_t{64} << 20, kMaxProbed = uint64_t{1} << 22;
// What a look at a record costs, in elements.
constexpr uint64_t kJudging = 16;
// A root may begin in the page where .data ends and end in another mapping.
constexpr uint64_t kSlack = 65536;
// Parts of the address space that a root's entries may be about.
constexpr size_t kMaxKeys = 1024, kMaxPointers = size_t{1} << 20;
// Words on either side of a root's element that must be a root's as well: most data is not.
constexpr uint64_t kNeighbours = 8;
// Elements that decide whether a leaf is one, and roots that are shown to the judge.
constexpr size_t kQuick = 32, kQuickBad = 8, kMinGood = 2, kMaxShown = 16;

bool is_writable(const Mapping& mapping) {
  return !mapping.protection || mapping.protection->write;
}

using Area = RootWords::Area;

// Writable data of modules; .bss is a mapping without a name behind the module's last one.
std::vector<Area> searched_areas(const HeapInput& input, bool in_modules) {
  std::vector<Area> areas;
  const Mapping* previous = nullptr;
  const Module* module_before = nullptr;
  for (const Mapping& mapping : input.image.mappings) {
    const Module* module =
        input.modules != nullptr ? input.modules->find(mapping.range.start) : nullptr;
    const bool follows = previous != nullptr && previous->range.end == mapping.range.start;
    const Module* own = module;
    if (module == nullptr && mapping.path.empty() && follows) module = module_before;
    previous = &mapping;
    module_before = own;
    const bool special = mapping.path == "[stack]" || mapping.path == "[heap]";
    if (!is_writable(mapping) || special || (module != nullptr) != in_modules) continue;
    AddressRange range = mapping.range;
    if (range.size() > kMaxSearched) range.end = range.start + kMaxSearched;
    areas.push_back({range, module, {}});
  }
  return areas;
}

// Finds in one area what may lead to a table.
class WordScan {
 public:
  explicit WordScan(const HeapInput& input) : input_(input) {}

  std::vector<std::pair<Address, Address>> pointers_in(const Area& area) const {
    std::vector<std::pair<Address, Address>> all;
    for (Address at = area.range.start; at < area.range.end;) {
      const ByteView bytes = input_.memory.view(at, area.range.end - at);
      if (bytes.size() < 8) break;
      for (uint64_t i = 0; i + 8 <= bytes.size() && all.size() < kMaxPointers; i += 8) {
        const uint64_t word = *load<uint64_t>(bytes, i);
        if (word != 0 && is_shaped_like_pointer(word) && has_such_neighbours(bytes, i))
          all.emplace_back(at + i, Address(word));
      }
      at = at + (bytes.size() & ~uint64_t{7});
    }
    return all;
  }

  // Quick, and of the words in `bytes` alone.
  bool has_such_neighbours(ByteView bytes, uint64_t offset) const {
    const uint64_t reach = kNeighbours * 8;
    const uint64_t first = offset - std::min(offset, reach);
    const uint64_t last = std::min(offset + reach, bytes.size() - 8);
    for (uint64_t i = first; i <= last; i += 8)
      if (!is_shaped_like_pointer(*load<uint64_t>(bytes, i))) return false;
    for (uint64_t i = first; i <= last; i += 8)
      if (!may_be_in_root(*load<uint64_t>(bytes, i))) return false;
    return true;
  }

  // Tables are aligned, and below the kernel.
  static bool is_shaped_like_pointer(uint64_t word) { return word % 64 == 0 && word >> 48 == 0; }

  bool is_pointer(uint64_t word) const {
    if (!is_shaped_like_pointer(word)) return false;
    const Mapping* mapping = input_.image.mapping_at(Address(word));
    return mapping != nullptr && is_writable(*mapping);
  }

  // A root holds pointers to tables and zeroes, nothing else.
  bool may_be_in_root(uint64_t word) const { return word == 0 || is_pointer(word); }

 private:
  const HeapInput& input_;
};

class Finder {
 public:
  Finder(const HeapInput& input, TreeJudge& judge) : input_(input), scan_(input), judge_(judge) {}

  void search(const std::vector<Area>& areas, std::span<const TreeShape> shapes) {
    for (const Area& area : areas) {
      probed_ = shown_here_ = 0;
      for (const TreeShape& shape : shapes) {
        if (area.pointers.empty() || area.range.size() + kSlack < shape.root_bytes()) continue;
        const auto all = keys(shape);
        for (const auto& [at, child] : area.pointers) consider(area, shape, all, at, child);
      }
    }
  }

 private:
  struct Found {
    Address root;
    uint64_t size;
  };

  // Numbers of the parts of the address space that elements of the root stand for, in which the
  // process had writable memory.
  std::vector<uint64_t> keys(const TreeShape& shape) const {
    std::vector<uint64_t> all;
    for (const Mapping& mapping : input_.image.mappings) {
      if (!is_writable(mapping) || mapping.range.end <= mapping.range.start) continue;
      const uint64_t first = mapping.range.start.value >> shape.root_shift();
      const uint64_t last = (mapping.range.end.value - 1) >> shape.root_shift();
      for (uint64_t key = first; key <= last && all.size() < kMaxKeys; ++key) {
        if (key >= uint64_t{1} << shape.bits[0]) break;
        if (all.empty() || all.back() != key) all.push_back(key);
      }
    }
    return all;
  }

  bool is_in_known(Address at) const {
    return std::any_of(found_.begin(), found_.end(), [&](const Found& known) {
      return at >= known.root && at - known.root < known.size;
    });
  }

  // The word at `at` leads to `child`: which element of a root may it be?
  void consider(const Area& area, const TreeShape& shape, const std::vector<uint64_t>& all,
                Address at, Address child) {
    if (is_in_known(at)) return;
    for (const uint64_t key : all) {
      if (at.value < key * 8 || shown_here_ >= kMaxShown) continue;
      const Address root = at - key * 8;
      if (root + kSlack < area.range.start || root + shape.root_bytes() > area.range.end + kSlack ||
          shown_.contains(root.value) || !leads_to_records(shape, key, child) ||
          !is_table(shape, root))
        continue;
      shown_.insert(root.value);
      ++shown_here_;
      if (!judge_.accept(shape, root, area.module)) continue;
      found_.push_back({root, shape.root_bytes()});
      return;
    }
  }

  bool is_table(const TreeShape& shape, Address root) const {
    for (uint64_t at = 0; at < shape.root_bytes();) {
      const ByteView bytes = input_.memory.view(root + at, shape.root_bytes() - at);
      if (bytes.size() < 8) return false;
      for (uint64_t i = 0; i + 8 <= bytes.size(); i += 8) {
        if (!scan_.may_be_in_root(*load<uint64_t>(bytes, i))) return false;
      }
      at += bytes.size() & ~uint64_t{7};
    }
    return true;
  }

  // Is what this element of the root leads to about the memory that it should be about?
  bool leads_to_records(const TreeShape& shape, uint64_t key, Address child) {
    const uint64_t span = uint64_t{1} << shape.root_shift();
    const AddressRange part{Address(key * span), Address((key + 1) * span)};
    size_t good = 0, bad = 0;
    for (const Mapping& mapping : input_.image.mappings) {
      if (mapping.range.end <= part.start || !is_writable(mapping)) continue;
      if (mapping.range.start >= part.end) break;
      Address at = std::max(mapping.range.start, part.start);
      const Address end = std::min(mapping.range.end, part.end);
      while (at < end && good + bad < kQuick && (good > 0 || bad < kQuickBad)) {
        const Address leaf_end((at.value & ~(shape.leaf_span() - 1)) + shape.leaf_span());
        const Address stop = std::min(end, leaf_end);
        if (++probed_ > kMaxProbed) return false;
        probe(shape, leaf_for(shape, child, at), {at, stop}, good, bad);
        at = stop;
      }
    }
    return good >= kMinGood && good > 3 * bad;
  }

  Address leaf_for(const TreeShape& shape, Address child, Address at) const {
    if (shape.levels() == 2) return child;
    const uint64_t index = at.value / shape.leaf_span() % (uint64_t{1} << shape.bits[1]);
    return input_.memory.load_pointer(child + index * 8).value_or(Address(0));
  }

  void probe(const TreeShape& shape, Address leaf, AddressRange memory, size_t& good, size_t& bad) {
    if (leaf.is_null()) return;
    const uint64_t mask = (uint64_t{1} << shape.leaf_bits()) - 1, size = shape.element_size;
    const uint64_t first = memory.start.value >> shape.lg_page & mask;
    const uint64_t count = memory.size() >> shape.lg_page;
    const ByteView bytes = input_.memory.view(leaf + first * size, count * size);
    for (uint64_t i = 0; i < count && (i + 1) * size <= bytes.size(); ++i) {
      if (good + bad >= kQuick || (good == 0 && bad >= kQuickBad)) return;
      if (++probed_ > kMaxProbed) return;
      if ((*load<uint64_t>(bytes, i * size) & shape.record_mask) == 0) continue;
      const Address page(((memory.start.value >> shape.lg_page) + i) << shape.lg_page);
      probed_ += kJudging;
      const auto verdict = judge_.names(shape, bytes.subspan(i * size, size), page);
      if (verdict) ++(*verdict ? good : bad);
    }
  }

  const HeapInput& input_;
  WordScan scan_;
  TreeJudge& judge_;
  std::vector<Found> found_;
  std::set<uint64_t> shown_;
  uint64_t probed_ = 0, shown_here_ = 0;  // in this area
};

}  // namespace

RootWords::RootWords(const HeapInput& heap) : input(heap) {
  const bool named = heap.modules != nullptr && !heap.modules->all().empty();
  areas = searched_areas(heap, named);
  const WordScan scan(heap);
  for (Area& area : areas) area.pointers = scan.pointers_in(area);
}

void search_trees(const RootWords& words, std::span<const TreeShape> shapes, TreeJudge& judge) {
  Finder(words.input, judge).search(words.areas, shapes);
}

}  // namespace inquest::process
