// Finding mimalloc 2 by its structure. A segment is aligned to its size; its header ends with
// counts that must agree with the table of slices that follows, and slices lead from one page to
// the next up to the table's end. Offsets differ between releases and builds: they are derived from
// all segments together, and nothing is answered when they disagree.
//
// Source of the structures: mimalloc 2.0.3 - 2.4 include/mimalloc/types.h (mi_segment_t, mi_page_t,
// mi_heap_t) and src/segment.c.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "process/heap/heap.h"

namespace inquest::process::mimalloc {

inline constexpr uint64_t kSlice = uint64_t{64} << 10;
inline constexpr uint64_t kSegmentAlignment = uint64_t{32} << 20;  // 64 MiB before 2.0.9

// Where the first block of a page lies, for releases whose records do not say.
enum class StartRule : uint8_t { kRecorded, kAtSlice, kAfter128, kAfter384, kAfterBlocks };

struct Layout {
  uint64_t slices = 0;         // offset of slices[] in a segment
  uint64_t record_size = 0;    // of one slice: sizeof(mi_page_t)
  bool thread_is_last = true;  // the order of the two words in front of slices[]
  uint64_t cookie = 0;         // offset in a segment
  // Offsets in a page's record.
  uint64_t local_free = 0, used = 0, block_size = 0, thread_free = 0, heap = 0;
  std::optional<uint64_t> start, keys;
  bool narrow = false;  // used is of 16 bits, block_size of 64 (else both of 32)
  StartRule rule = StartRule::kRecorded;
  bool encoded = false;  // links of free lists are
  bool padded = false;   // a canary and the unused size stand at the end of each block
  // In a heap's record; nullopt: not found, lists of blocks that others freed are not known.
  std::optional<uint64_t> heap_thread;
};

struct Segment {
  Address at;
  uint64_t slices = 0;   // its size
  uint64_t info = 0;     // slices that its own header takes
  uint64_t entries = 0;  // of the table
  bool huge = false;     // one page, of one block
  uint64_t used = 0;     // pages in use; 0: it was given back and is kept for reuse
  uint64_t thread = 0;   // the thread pointer of its owner; 0: abandoned
  uint64_t cookie = 0;   // of the process: the same for all

  AddressRange range() const { return {at, at + slices * kSlice}; }
};

// A run of slices: a page of blocks of one size, or spare.
struct Page {
  Address at;  // its record
  AddressRange span;
  uint64_t block_size = 0;  // 0: spare
  Address start;            // of its first block
  uint32_t capacity = 0;    // blocks that were ever made ready
  uint32_t reserved = 0;    // blocks that fit
  uint32_t used = 0;
  bool has_aligned = false;  // pointers into the middle of its blocks were handed out
  Address free, local_free, thread_free;
  uint64_t keys[2] = {0, 0};
  Address heap;

  Address block(uint64_t index) const { return start + index * block_size; }
  bool is_set_up() const { return block_size != 0 && reserved != 0; }
};

struct Found {
  Layout layout;
  std::vector<Segment> segments;  // by address, not overlapping
  std::vector<std::string> notes;
};

// nullopt when the process has no segments, or when they disagree.
std::optional<Found> find_segments(const HeapInput& input);

// The pages of a segment from its first slice behind the header on, until `visit` answers false.
// Answers how many slices were passed over because their record makes no sense.
uint64_t each_page(const HeapInput& input, const Layout& layout, const Segment& segment,
                   const std::function<bool(const Page&)>& visit);

// The link that stands in a free block. `null`: what stands for none, when links are encoded.
Address decode_link(const Layout& layout, uint64_t raw, const uint64_t (&keys)[2], Address null);

// Is this what a build with padding writes behind the usable bytes of the block?
bool is_canary(uint32_t word, const Page& page, Address block);

}  // namespace inquest::process::mimalloc
