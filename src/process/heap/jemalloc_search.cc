// Finding jemalloc: the root of its map of pages among the data of modules, and the format that its
// records have.

#include "process/heap/jemalloc_pages.h"

namespace inquest::process::jemalloc {
namespace {

constexpr size_t kMaxVoters = 2048, kMinVoters = 3;
constexpr Address kEnd(uint64_t{1} << 56);

// Do records agree with what this format makes of them?
class Voters {
 public:
  Voters(const HeapInput& input, const PageMap& map)
      : input_(input), map_(map), classes_(map.layout().lg_quantum, map.layout().shape.lg_page) {}

  void ask() {
    Address at(0);
    while (total < kMaxVoters) {
      const auto entry = map_.first_in(at, kEnd);
      if (!entry) return;
      const auto extent = map_.read(entry->element.record);
      at = entry->page + map_.layout().shape.page();
      ++total;
      if (!extent || !extent->pages.contains(entry->page)) continue;
      at = extent->pages.end;
      if (agrees(*extent, *entry)) ++good;
    }
  }
  // free() itself damages records, when it is told a wrong size: then not all of them agree.
  bool convincing() const {
    return total >= kMinVoters && exact > 0 && good * 4 >= total * 3 && exact * 4 >= slabs;
  }

  size_t total = 0, good = 0;   // records, and those that fit what led to them
  size_t slabs = 0, exact = 0;  // of these slabs, and those that count their free blocks rightly
  bool padded = false;

 private:
  bool agrees(const Extent& extent, const PageMap::Entry& entry) {
    // Spare pages keep what they were used for last, or what their neighbours are.
    if (extent.state != ExtentState::kActive) return extent.state != ExtentState::kOther;
    if (extent.slab != entry.element.slab || extent.szind != entry.element.szind) return false;
    const uint64_t size = classes_.size(extent.szind);
    if (size == 0) return false;
    if (!extent.slab) {
      const bool page_more = size + map_.layout().shape.page() == extent.pages.size();
      if (extent.start != extent.pages.start || page_more) padded = true;
      return extent.szind >= classes_.small_count() || size <= extent.pages.size();
    }
    const uint64_t regions = extent.pages.size() / size;
    if (extent.szind >= classes_.small_count() || regions == 0 || regions > kMaxRegions)
      return false;
    const SlabBits bits(input_.memory, extent.record, regions);
    ++slabs;
    if (bits.known() && bits.free_count() == extent.nfree) ++exact;
    return true;
  }

  const HeapInput& input_;
  const PageMap& map_;
  SizeClasses classes_;
};

class Judge final : public TreeJudge {
 public:
  explicit Judge(const HeapInput& input) : input_(input) {}

  std::optional<bool> names(const TreeShape& shape, ByteView bytes, Address page) const override {
    bool any = false;
    for (const Format& format : formats()) {
      const auto element = decode_element(shape, format, bytes);
      if (!element || element->record.is_null()) continue;
      any = true;
      const auto extent = read_extent(input_.memory, shape, format, element->record);
      const bool fits = extent && extent->pages.contains(page) &&
                        (extent->state == ExtentState::kActive
                             ? extent->szind == element->szind && extent->szind < kSizeClasses
                             : extent->state != ExtentState::kOther);
      if (fits) return true;
    }
    return any ? std::optional(false) : std::nullopt;
  }

  bool accept(const TreeShape& shape, Address root, const Module* module) override {
    std::optional<Layout> best;
    size_t most = 0;
    for (const Format& format : formats()) {
      for (const uint32_t quantum : {4U, 3U}) {
        const Layout layout{root, shape, format, quantum, false, module};
        const PageMap map(input_, layout);
        Voters voters(input_, map);
        voters.ask();
        if (!voters.convincing() || voters.good + voters.exact <= most) continue;
        most = voters.good + voters.exact;
        best = layout;
        best->padded = voters.padded;
      }
    }
    if (best) found.push_back(*best);
    return best.has_value();
  }

  std::vector<Layout> found;

 private:
  const HeapInput& input_;
};

}  // namespace

std::vector<Layout> find_layouts(const RootWords& words) {
  Judge judge(words.input);
  search_trees(words, shapes(), judge);
  return std::move(judge.found);
}

}  // namespace inquest::process::jemalloc
