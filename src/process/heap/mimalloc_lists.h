// Which blocks of one page of mimalloc are free, and in which of its lists.
#pragma once

#include <map>

#include "process/heap/mimalloc_layout.h"
#include "process/heap/words.h"

namespace inquest::process::mimalloc {

enum class ListKind : uint8_t { kNone, kFree, kLocalFree, kThreadFree, kDelayed };

// Blocks that other threads freed first, by address: they wait in their heap's own list.
using Delayed = std::vector<Address>;

struct PageLists {
  std::vector<ListKind> blocks;  // by index, up to the page's capacity
  uint32_t counted = 0;          // blocks in `free` and `local_free`
  bool broken = false;           // a link leads nowhere: what lay behind it is not known
  bool absent = false;           // a link is not in the core
};

class ListReader {
 public:
  ListReader(Words& words, const Layout& layout, const Delayed& delayed)
      : words_(words), layout_(layout), delayed_(delayed) {}

  // `damage`: where what is found wrong goes; may be nullptr. The answer is valid until the next.
  const PageLists& read(const Page& page, std::vector<HeapDamage>* damage);

 private:
  void follow(const Page& page, Address head, ListKind kind, std::vector<HeapDamage>* damage);
  void add_delayed(const Page& page);

  Words& words_;
  const Layout& layout_;
  const Delayed& delayed_;
  PageLists lists_;
};

// The delayed list of each heap that the pages name, by address of the block.
Delayed read_delayed(const HeapInput& input, const Layout& layout,
                     const std::vector<Address>& heaps, std::vector<std::string>& notes);

std::string_view to_string(ListKind kind);

// The block of `page` that is described by its index and list.
Block block_at(const Page& page, uint64_t index, ListKind kind);

}  // namespace inquest::process::mimalloc
