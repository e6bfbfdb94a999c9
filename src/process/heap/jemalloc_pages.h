// jemalloc's map from pages to extents, found by its shape and proved by the records that its
// leaves lead to, which must point back at the pages that led there.
#pragma once

#include <optional>
#include <vector>

#include "process/heap/jemalloc_format.h"
#include "process/heap/page_tree.h"

namespace inquest::process::jemalloc {

// One jemalloc: where its map is, and how it is to be read.
struct Layout {
  Address root;
  TreeShape shape;
  Format format;
  uint32_t lg_quantum = 4;
  bool padded = false;  // large blocks have a page more than they need, to begin somewhere in it
  const Module* module = nullptr;  // that holds the root; nullptr when unknown
};

class PageMap {
 public:
  PageMap(const HeapInput& input, const Layout& layout);

  const Layout& layout() const { return layout_; }
  const PageTree& tree() const { return tree_; }

  // What the map says of the page that holds `address`, when it names a record.
  std::optional<Element> element_at(Address address) const;
  struct Entry {
    Address page;
    Element element;
  };
  // The first page in [from, to) whose element names a record.
  std::optional<Entry> first_in(Address from, Address to) const;
  // The extent that holds `address`; nullopt when none does.
  std::optional<Extent> find(Address address) const;
  // The first extent that begins in [from, to). Pages that lead to records of other memory are
  // added to `odd`, until these are kMaxHeapDamage.
  std::optional<Extent> next(Address from, Address to, std::vector<Entry>* odd = nullptr) const;
  std::optional<Extent> read(Address record) const;

 private:
  HeapInput input_;
  Layout layout_;
  PageTree tree_;
};

// Every jemalloc of the process that has given out memory.
std::vector<Layout> find_layouts(const RootWords& words);

}  // namespace inquest::process::jemalloc
