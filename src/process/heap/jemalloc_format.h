// How builds of jemalloc 5 keep their records. Nothing is taken from symbols: what differs between
// versions and builds is a small set of formats and geometries, and the one that all records agree
// with is the right one.
//
// Source of the structures: jemalloc 5.0 - 5.3 (and its development branch of 2026),
// include/jemalloc/internal/{extent_structs,edata,rtree,sc,bitmap}.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "process/heap/page_tree.h"

namespace inquest::process::jemalloc {

inline constexpr uint32_t kArenaBits = 12;
inline constexpr uint32_t kSizeClasses = 236;  // more than any build has
// Bytes of a record that hold anything for us, and where its bitmap begins.
inline constexpr uint64_t kRecordBytes = 64, kBitmapOffset = 64;
// Regions of a slab: the largest bitmap that any build has (pages of 64 KiB, blocks of 8 bytes).
inline constexpr uint64_t kMaxRegions = 8192;

// Sizes of blocks: four steps to each power of two, all multiples of the quantum, below it powers
// of two from 8 on. The small ones live in slabs.
class SizeClasses {
 public:
  SizeClasses(uint32_t lg_quantum, uint32_t lg_page);
  uint32_t count() const { return static_cast<uint32_t>(sizes_.size()); }
  uint32_t small_count() const { return small_count_; }
  uint64_t size(uint32_t index) const { return index < sizes_.size() ? sizes_[index] : 0; }

 private:
  std::vector<uint64_t> sizes_;
  uint32_t small_count_ = 0;
};

// What the map of pages may look like.
std::span<const TreeShape> shapes();

// Where the fields of a record's first word, and of a leaf's element, are.
struct Format {
  std::string_view version;    // "5.3 or later"
  uint32_t state, state_bits;  // its place in the word, its width
  uint32_t szind;              // 8 bits
  uint32_t nfree;
  uint64_t element_flags;  // low bits of an element that are no part of the record's address
  uint32_t element_szind;  // of an element of two words: place in the second
  bool new_caches;         // of threads: see jemalloc_caches.h
};
std::span<const Format> formats();

// What a leaf says about a page.
struct Element {
  Address record;
  uint32_t szind = 0;
  bool slab = false;
};
std::optional<Element> decode_element(const TreeShape& shape, const Format& format, ByteView bytes);

enum class ExtentState : uint8_t { kActive, kDirty, kMuzzy, kRetained, kOther };

// A stretch of pages: a slab, a large block, or spare memory.
struct Extent {
  Address record;  // extent_t, or edata_t
  Address start;   // of the block; for all others of the pages
  AddressRange pages;
  uint32_t arena = 0, szind = 0, nfree = 0;
  ExtentState state = ExtentState::kOther;
  bool slab = false;
};
// nullopt when the record is not in the core or cannot be one.
std::optional<Extent> read_extent(const MemoryReader& memory, const TreeShape& shape,
                                  const Format& format, Address record);

// One bit a region of a slab: is it free?
class SlabBits {
 public:
  // `count` <= kMaxRegions. What is not in the core is not known().
  SlabBits(const MemoryReader& memory, Address record, uint64_t count);
  bool known() const { return known_; }
  bool is_free(uint64_t region) const { return (words_[region / 64] >> region % 64 & 1) != 0; }
  uint64_t free_count() const;

 private:
  uint64_t words_[kMaxRegions / 64] = {};
  uint64_t count_;
  bool known_ = false;
};

}  // namespace inquest::process::jemalloc
