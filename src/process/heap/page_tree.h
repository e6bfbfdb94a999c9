// A radix tree from the pages of a process to an allocator's records, as jemalloc and tcmalloc keep
// one: tables of pointers, the root of them an array in the .bss of whatever the allocator is
// linked into, leaves with an element a page.
#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "process/heap/heap.h"

namespace inquest::process {

struct TreeShape {
  uint32_t lg_page;
  uint32_t address_bits;
  uint32_t bits[3];       // of the address that each level takes, top down; 0: there are only two
  uint32_t element_size;  // bytes of a leaf's element
  uint64_t record_mask;   // an element names a record when its first word has one of these bits

  uint32_t levels() const { return bits[2] == 0 ? 2 : 3; }
  uint32_t leaf_bits() const { return bits[levels() - 1]; }
  uint64_t page() const { return uint64_t{1} << lg_page; }
  uint64_t leaf_bytes() const { return uint64_t{element_size} << leaf_bits(); }
  uint64_t leaf_span() const { return uint64_t{1} << (lg_page + leaf_bits()); }  // bytes of memory
  uint64_t root_bytes() const { return uint64_t{8} << bits[0]; }
  uint32_t root_shift() const { return address_bits - bits[0]; }
};

class PageTree {
 public:
  static constexpr size_t kMaxLeaves = 65536;  // 64 TiB of address space, mostly

  // Reads the root and a middle level.
  PageTree(const HeapInput& input, Address root, const TreeShape& shape);

  const TreeShape& shape() const { return shape_; }
  bool is_cut() const { return cut_; }                 // there were more than kMaxLeaves
  uint64_t missing_bytes() const { return missing_; }  // of leaves that are not in the core

  struct Entry {
    Address page;
    ByteView element;  // all of it
  };
  // The element of the page that holds `address`, when it names a record.
  std::optional<Entry> at(Address address) const;
  // The first page in [from, to), and the last in [low, from], whose element names a record.
  std::optional<Entry> first_in(Address from, Address to) const;
  std::optional<Entry> last_in(Address low, Address from) const;

 private:
  struct Leaf {
    Address covers;  // the first byte of the memory that it tells about
    ByteView bytes;
  };
  void add_leaves(Address table, uint32_t level, uint64_t prefix);
  void drop_shared();
  std::optional<Entry> entry(const Leaf& leaf, uint64_t index) const;

  const MemoryReader& memory_;
  TreeShape shape_;
  std::vector<Leaf> leaves_;  // by address
  uint64_t missing_ = 0;
  bool cut_ = false;
};

// Whoever knows the records that a tree leads to.
class TreeJudge {
 public:
  virtual ~TreeJudge() = default;
  // Does this element lead to a record that is about `page`? nullopt: it leads to none.
  virtual std::optional<bool> names(const TreeShape& shape, ByteView element,
                                    Address page) const = 0;
  // Some elements do: is it a tree? Its root will not be shown again.
  virtual bool accept(const TreeShape& shape, Address root, const Module* module) = 0;
};

// Words of the modules' writable data that may be elements of a tree's root; where nothing names
// the modules, of all writable memory. Read once for all allocators.
struct RootWords {
  struct Area {
    AddressRange range;
    const Module* module = nullptr;
    std::vector<std::pair<Address, Address>> pointers;  // where one stands, and what it holds
  };
  explicit RootWords(const HeapInput& input);

  const HeapInput& input;
  std::vector<Area> areas;
};

// Looks among them for roots of these shapes: for words that lead to what may be a leaf about
// memory that the process had.
void search_trees(const RootWords& words, std::span<const TreeShape> shapes, TreeJudge& judge);

}  // namespace inquest::process
