#include "process/heap/mimalloc_pages.h"

#include <algorithm>
#include <array>

namespace inquest::process::mimalloc {
namespace {

// Forms of mi_page_t. The first 16 bytes and the head of the free list are the same in all.
constexpr uint64_t kSliceOffset = 4, kCapacity = 10, kReserved = 12, kFlags = 14, kFree = 16;
constexpr uint8_t kHasAligned = 2;
constexpr uint64_t kHugeMark = uint64_t{1} << 31;  // a block size that 32 bits do not hold
constexpr uint64_t kMaxPagesAsked = 20000;         // that vote
constexpr uint64_t kHeapSearched = 8192;           // bytes of a heap's record
constexpr uint64_t kDelayedFlags = 3;
constexpr uint64_t kPadding = 8;

void set_form(Layout& layout, bool is_new, bool keys_first, bool keyed) {
  const uint64_t keys = keyed ? 16 : 0;
  layout.narrow = is_new;
  layout.keys.reset();
  layout.start.reset();
  if (is_new) {  // 2.1.4 and later
    layout.local_free = 24;
    layout.used = 32;
    layout.block_size = 40;
    layout.start = 48;
    if (keyed) layout.keys = 56;
    layout.thread_free = 56 + keys;
  } else {  // up to 2.0.7 keys stood before the counts
    const uint64_t before = keys_first ? keys : 0;
    layout.used = 24 + before;
    layout.block_size = 28 + before;
    layout.local_free = 32 + before;
    if (keyed) layout.keys = keys_first ? 24 : 40;
    layout.thread_free = 40 + keys;
  }
  layout.heap = layout.thread_free + 8;
}

// Answers false when the form does not go with the size of the records.
bool set_form(Layout& layout, int form) {
  constexpr std::array<uint64_t, 5> kSizes = {80, 96, 96, 96, 112};
  if (kSizes[static_cast<size_t>(form)] != layout.record_size) return false;
  set_form(layout, form >= 3, form == 1, form == 1 || form == 2 || form == 4);
  return true;
}

uint64_t start_offset(StartRule rule, uint64_t size) {
  switch (rule) {
    case StartRule::kAfter128:
      return size >= 8 && size <= 1024 ? 128 : 0;
    case StartRule::kAfter384:
      return size >= 8 && size <= 1024 ? 384 : 0;
    case StartRule::kAfterBlocks:
      return size < 8 ? 0 : size <= 64 ? 3 * size : size <= 512 ? size : 0;
    case StartRule::kAtSlice:
    case StartRule::kRecorded:
      break;
  }
  return 0;
}

std::optional<Page> read_page(const HeapInput& input, const Layout& layout, const Segment& segment,
                              uint64_t index) {
  const Address at = segment.at + layout.slices + index * layout.record_size;
  const ByteView bytes = input.memory.view(at, layout.record_size);
  if (bytes.size() < layout.record_size) return std::nullopt;
  const auto word = [&](uint64_t offset) { return *load<uint64_t>(bytes, offset); };
  Page page;
  page.at = at;
  const uint32_t count = *load<uint32_t>(bytes, 0);
  const uint64_t first = index * kSlice;
  if (count == 0 || *load<uint32_t>(bytes, kSliceOffset) != 0) return std::nullopt;
  if (count > segment.slices - index) return std::nullopt;
  page.span = {segment.at + first, segment.at + first + count * kSlice};
  page.block_size =
      layout.narrow ? word(layout.block_size) : *load<uint32_t>(bytes, layout.block_size);
  page.capacity = *load<uint16_t>(bytes, kCapacity);
  page.reserved = *load<uint16_t>(bytes, kReserved);
  page.used =
      layout.narrow ? *load<uint16_t>(bytes, layout.used) : *load<uint32_t>(bytes, layout.used);
  page.has_aligned = (bytes[kFlags] & kHasAligned) != 0;
  page.free = Address(word(kFree));
  page.local_free = Address(word(layout.local_free));
  page.thread_free = Address(word(layout.thread_free) & ~kDelayedFlags);
  page.heap = Address(word(layout.heap));
  if (layout.keys) {
    page.keys[0] = word(*layout.keys);
    page.keys[1] = word(*layout.keys + 8);
  }
  page.start = layout.start ? Address(word(*layout.start))
                            : page.span.start + start_offset(layout.rule, page.block_size);
  if (!layout.narrow && page.block_size >= kHugeMark) page.block_size = page.span.size();
  if (page.block_size <= 1) page.block_size = 0;
  return page;
}

bool is_in(const Page& page, Address block) {
  return block.is_null() || (block.value % 8 == 0 && page.span.contains(block));
}

// Can this be a page that is in use? The heads of its lists may be overwritten.
bool is_possible(const Page& page) {
  if (page.block_size < 8 || page.block_size > page.span.size()) return false;
  if (page.capacity > page.reserved || page.used > page.capacity) return false;
  if (page.start < page.span.start || page.start >= page.span.end) return false;
  return page.reserved <= (page.span.end - page.start) / page.block_size;
}

// The same, of one whose lists are sound.
bool is_sound(const HeapInput& input, const Page& page) {
  if (!is_possible(page)) return false;
  if (!is_in(page, page.free) || !is_in(page, page.local_free) || !is_in(page, page.thread_free))
    return false;
  return page.heap.is_null() ||
         (page.heap.value % 8 == 0 && input.image.mapping_at(page.heap) != nullptr);
}

template <typename Visit>
void each_used(const HeapInput& input, const Found& found, Visit visit) {
  uint64_t asked = 0;
  for (const Segment& segment : found.segments) {
    if (segment.used == 0) continue;
    for (uint64_t index = segment.info; index < segment.entries && asked < kMaxPagesAsked;) {
      const auto page = read_page(input, found.layout, segment, index);
      if (!page) {
        ++index;
        continue;
      }
      if (page->is_set_up()) {
        ++asked;
        visit(segment, *page);
      }
      index += page->span.size() / kSlice;
    }
  }
}

// Pages that are possible, or 0 when some are not.
uint64_t vouching(const HeapInput& input, const Found& found) {
  uint64_t good = 0, bad = 0;
  each_used(input, found,
            [&](const Segment&, const Page& page) { is_sound(input, page) ? ++good : ++bad; });
  return bad * 50 > good ? 0 : good;
}

bool fits_rule(const Page& page) {
  const auto on_block = [&](Address head) {
    return head.is_null() || (head >= page.start && (head - page.start) % page.block_size == 0);
  };
  return page.reserved == (page.span.end - page.start) / page.block_size && on_block(page.free) &&
         on_block(page.local_free) && on_block(page.thread_free);
}

bool derive_rule(const HeapInput& input, Found& found) {
  if (found.layout.start) {
    found.layout.rule = StartRule::kRecorded;
    return true;
  }
  uint64_t best = 0;
  StartRule chosen = StartRule::kAtSlice;
  for (const StartRule rule :
       {StartRule::kAfter384, StartRule::kAfterBlocks, StartRule::kAfter128, StartRule::kAtSlice}) {
    found.layout.rule = rule;
    uint64_t fit = 0;
    each_used(input, found, [&](const Segment&, const Page& page) { fit += fits_rule(page); });
    if (fit <= best) continue;
    best = fit;
    chosen = rule;
  }
  found.layout.rule = chosen;
  return best > 0;
}

bool is_link_of(const Page& page, Address link) {
  return link.is_null() || (page.span.contains(link) && link >= page.start &&
                            (link - page.start) % page.block_size == 0);
}

void derive_encoding(const HeapInput& input, Found& found) {
  if (!found.layout.keys) return;
  uint64_t plain = 0, encoded = 0;
  Layout with = found.layout;
  with.encoded = true;
  each_used(input, found, [&](const Segment&, const Page& page) {
    for (const Address head : {page.free, page.local_free}) {
      const auto raw = head.is_null() ? std::nullopt : input.memory.load<uint64_t>(head);
      if (!raw) continue;
      plain += is_link_of(page, Address(*raw));
      encoded += is_link_of(page, decode_link(with, *raw, page.keys, page.at));
    }
  });
  found.layout.encoded = encoded > plain;
}

// Free blocks keep their canary for the most part; those that never were handed out have none.
void derive_padding(const HeapInput& input, Found& found) {
  if (!found.layout.keys) return;
  uint64_t right = 0, asked = 0;
  each_used(input, found, [&](const Segment&, const Page& page) {
    if (page.block_size < 2 * kPadding || page.used == 0) return;
    for (uint64_t i = 0; i < std::min<uint64_t>(page.capacity, 16); ++i) {
      const auto canary = input.memory.load<uint32_t>(page.block(i) + page.block_size - kPadding);
      if (!canary) continue;
      ++asked;
      right += is_canary(*canary, page, page.block(i));
    }
  });
  found.layout.padded = asked > 0 && right * 4 > asked;
}

// thread_delayed_free stands in front of the id of the heap's thread.
void derive_heap(const HeapInput& input, Found& found) {
  std::array<uint64_t, kHeapSearched / 8> votes{};
  uint64_t asked = 0;
  Address last;
  each_used(input, found, [&](const Segment& segment, const Page& page) {
    if (page.heap.is_null() || segment.thread == 0 || page.heap == last) return;
    last = page.heap;
    ++asked;
    for (uint64_t offset = 8; offset < kHeapSearched; offset += 8) {
      const auto word = input.memory.load<uint64_t>(page.heap + offset);
      if (!word) break;
      if (*word == segment.thread) {
        ++votes[offset / 8];
        break;
      }
    }
  });
  const auto most = std::max_element(votes.begin(), votes.end());
  if (*most > 0 && *most * 2 > asked)
    found.layout.heap_thread = static_cast<uint64_t>(most - votes.begin()) * 8;
}

}  // namespace

uint64_t derive_page_layout(const HeapInput& input, Found& found) {
  uint64_t most = 0;
  int chosen = -1;
  for (int form = 0; form < 5; ++form) {
    if (!set_form(found.layout, form)) continue;
    const uint64_t pages = vouching(input, found);
    if (pages > most) chosen = form;
    if (pages == most && pages > 0) chosen = -1;  // two forms fit: neither is believed
    most = std::max(most, pages);
  }
  if (chosen < 0 || !set_form(found.layout, chosen)) return 0;
  if (!derive_rule(input, found)) return 0;
  derive_encoding(input, found);
  derive_padding(input, found);
  derive_heap(input, found);
  return most;
}

uint64_t each_page(const HeapInput& input, const Layout& layout, const Segment& segment,
                   const std::function<bool(const Page&)>& visit) {
  uint64_t senseless = 0;
  for (uint64_t index = segment.info; index < segment.entries;) {
    const auto page = read_page(input, layout, segment, index);
    if (!page || (page->is_set_up() && !is_possible(*page))) {
      ++senseless;
      ++index;
      continue;
    }
    if (!visit(*page)) break;
    index += page->span.size() / kSlice;
  }
  return senseless;
}

}  // namespace inquest::process::mimalloc
