#include "process/heap/jemalloc_pages.h"

#include "process/heap/glibc_arenas.h"

namespace inquest::process::jemalloc {

PageMap::PageMap(const HeapInput& input, const Layout& layout)
    : input_(input), layout_(layout), tree_(input_, layout.root, layout.shape) {}

std::optional<Element> PageMap::element_at(Address address) const {
  const auto entry = tree_.at(address);
  return entry ? decode_element(layout_.shape, layout_.format, entry->element) : std::nullopt;
}

std::optional<PageMap::Entry> PageMap::first_in(Address from, Address to) const {
  const auto entry = tree_.first_in(from, to);
  if (!entry) return std::nullopt;
  const auto element = decode_element(layout_.shape, layout_.format, entry->element);
  return element ? std::optional(Entry{entry->page, *element}) : std::nullopt;
}

std::optional<Extent> PageMap::read(Address record) const {
  return read_extent(input_.memory, layout_.shape, layout_.format, record);
}

// Only slabs are in the map with each of their pages; others with the first and the last one.
std::optional<Extent> PageMap::find(Address address) const {
  if (input_.image.mapping_at(address) == nullptr) return std::nullopt;
  if (const auto element = element_at(address)) {
    auto extent = read(element->record);
    if (extent && extent->pages.contains(address)) return extent;
  }
  const Address low = glibc::writable_around(input_.image, address).start;
  const auto entry = tree_.last_in(low, address);
  if (!entry) return std::nullopt;
  const auto element = decode_element(layout_.shape, layout_.format, entry->element);
  auto extent = element ? read(element->record) : std::nullopt;
  return extent && extent->pages.contains(address) ? extent : std::nullopt;
}

std::optional<Extent> PageMap::next(Address from, Address to, std::vector<Entry>* odd) const {
  while (const auto entry = first_in(from, to)) {
    auto extent = read(entry->element.record);
    if (extent && extent->pages.start == entry->page) return extent;
    const bool other = !extent || !extent->pages.contains(entry->page);
    if (odd != nullptr && other && odd->size() < kMaxHeapDamage) odd->push_back(*entry);
    from = entry->page + layout_.shape.page();
  }
  return std::nullopt;
}

}  // namespace inquest::process::jemalloc
