// tcmalloc as gperftools has it: its map from pages to spans, found by its shape and proved by the
// spans, which must point back at the pages that led to them.
//
// Source of the structures: gperftools 2.5 - 2.18,
// src/{span,pagemap,central_freelist,thread_cache}.h. Google's newer tcmalloc keeps its records
// otherwise: its map is not accepted here.
#pragma once

#include <optional>
#include <vector>

#include "process/heap/page_tree.h"

namespace inquest::process::tcmalloc {

// A run of pages: cut into objects of one size class, a large block, or free.
struct Span {
  Address record;
  AddressRange pages;
  Address objects;          // the first of its free objects; they are linked by their first words
  uint32_t used = 0;        // objects that are not in that list
  uint32_t size_class = 0;  // 0: one large block
  uint32_t location = 0;    // 0: in use; 1: free; 2: free, and given back to the system
};
std::optional<Span> read_span(const MemoryReader& memory, const TreeShape& shape, Address record);

class SpanMap {
 public:
  SpanMap(const HeapInput& input, Address root, const TreeShape& shape);

  const PageTree& tree() const { return tree_; }
  // The span that holds `address`; nullopt when none does.
  std::optional<Span> find(Address address) const;
  // The first span that begins in [from, to).
  std::optional<Span> next(Address from, Address to) const;

 private:
  std::optional<Span> span_of(const PageTree::Entry& entry) const;

  HeapInput input_;
  PageTree tree_;
};

struct Layout {
  Address root;
  TreeShape shape;
  const Module* module = nullptr;
};
// Every gperftools tcmalloc of the process that has given out memory.
std::vector<Layout> find_layouts(const RootWords& words);

}  // namespace inquest::process::tcmalloc
