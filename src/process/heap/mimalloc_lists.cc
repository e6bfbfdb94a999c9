#include "process/heap/mimalloc_lists.h"

#include <fmt/format.h>

#include <algorithm>

namespace inquest::process::mimalloc {
namespace {

constexpr size_t kMaxDelayed = size_t{1} << 20;  // blocks of one heap that wait

std::optional<uint64_t> index_of(const Page& page, Address block) {
  if (block < page.start) return std::nullopt;
  const uint64_t offset = block - page.start;
  if (offset % page.block_size != 0) return std::nullopt;
  const uint64_t index = offset / page.block_size;
  return index < page.capacity ? std::optional(index) : std::nullopt;
}

void tell(std::vector<HeapDamage>* damage, HeapDamage::Kind kind, Address at, std::string what,
          const Block& block) {
  if (damage == nullptr || damage->size() >= kMaxHeapDamage) return;
  damage->push_back(
      {.kind = kind, .at = at, .what = std::move(what), .block = block, .overflown = {}});
}

}  // namespace

std::string_view to_string(ListKind kind) {
  switch (kind) {
    case ListKind::kFree:
      return "the free list";
    case ListKind::kLocalFree:
      return "the list of blocks freed by their own thread";
    case ListKind::kThreadFree:
      return "the list of blocks freed by other threads";
    case ListKind::kDelayed:
      return "the delayed list of blocks freed by other threads";
    case ListKind::kNone:
      break;
  }
  return "no list";
}

Block block_at(const Page& page, uint64_t index, ListKind kind) {
  return {.start = page.block(index),
          .size = page.block_size,
          .footprint = page.block_size,
          .state = kind == ListKind::kNone ? BlockState::kLive : BlockState::kFreed,
          .place = 0};
}

// The block before an overwritten link is in use and may have been overrun into it; else somebody
// wrote through a dangling pointer.
void ListReader::follow(const Page& page, Address head, ListKind kind,
                        std::vector<HeapDamage>* damage) {
  Address at = head, from;
  while (!at.is_null()) {
    const auto index = index_of(page, at);
    if (!index) {
      lists_.broken = true;
      const Address link = from.is_null() ? page.at : from;
      const Block block = from.is_null() ? Block{} : block_at(page, *index_of(page, from), kind);
      return tell(
          damage, from.is_null() ? HeapDamage::Kind::kList : HeapDamage::Kind::kFreedWrite, link,
          fmt::format("{} of the page at {} leads from {} to {}, which is none of its blocks",
                      to_string(kind), to_hex(page.span.start),
                      from.is_null() ? "its record" : to_hex(from), to_hex(at)),
          block);
    }
    ListKind& known = lists_.blocks[*index];
    if (known != ListKind::kNone) {
      lists_.broken = true;
      return tell(
          damage, HeapDamage::Kind::kDoubleFree, at,
          fmt::format("the block of {} bytes at {} stands twice in lists of its page: in {} "
                      "and in {}",
                      page.block_size, to_hex(at), to_string(known), to_string(kind)),
          block_at(page, *index, kind));
    }
    known = kind;
    if (kind != ListKind::kThreadFree) ++lists_.counted;
    const auto raw = words_.at(at);
    if (!raw) {
      lists_.absent = true;
      return;
    }
    from = at;
    at = decode_link(layout_, *raw, page.keys, page.at);
  }
}

void ListReader::add_delayed(const Page& page) {
  const Address end = page.block(page.capacity);
  for (auto at = std::lower_bound(delayed_.begin(), delayed_.end(), page.start);
       at != delayed_.end() && *at < end; ++at) {
    const auto index = index_of(page, *at);
    if (index && lists_.blocks[*index] == ListKind::kNone)
      lists_.blocks[*index] = ListKind::kDelayed;
  }
}

const PageLists& ListReader::read(const Page& page, std::vector<HeapDamage>* damage) {
  lists_.blocks.assign(page.capacity, ListKind::kNone);
  lists_.counted = 0;
  lists_.broken = lists_.absent = false;
  follow(page, page.free, ListKind::kFree, damage);
  follow(page, page.local_free, ListKind::kLocalFree, damage);
  follow(page, page.thread_free, ListKind::kThreadFree, damage);
  add_delayed(page);
  return lists_;
}

namespace {

// Blocks of one heap's list when its keys stand at `keys_at`, or nullopt when a link leads nowhere.
std::optional<Delayed> follow_delayed(const HeapInput& input, const Layout& layout, Address heap,
                                      Address keys_at, Address first) {
  const uint64_t keys[2] = {input.memory.load<uint64_t>(keys_at).value_or(0),
                            input.memory.load<uint64_t>(keys_at + 8).value_or(0)};
  Delayed found;
  for (Address at = first; !at.is_null() && found.size() < kMaxDelayed;) {
    const auto raw = at.value % 8 == 0 ? input.memory.load<uint64_t>(at) : std::nullopt;
    if (!raw) return std::nullopt;
    found.push_back(at);
    at = decode_link(layout, *raw, keys, heap);
  }
  return found;
}

}  // namespace

Delayed read_delayed(const HeapInput& input, const Layout& layout,
                     const std::vector<Address>& heaps, std::vector<std::string>& notes) {
  Delayed all;
  if (!layout.heap_thread) return all;
  // In front of the thread's id stands the list; behind it the arena's id (since 2.0.7), a cookie
  // and two keys.
  constexpr uint64_t kList = 8, kKeys = 24, kOldKeys = 16;
  for (const Address heap : heaps) {
    const Address thread = heap + *layout.heap_thread;
    const Address first(input.memory.load<uint64_t>(thread - kList).value_or(0));
    auto found = follow_delayed(input, layout, heap, thread + kKeys, first);
    if (!found) found = follow_delayed(input, layout, heap, thread + kOldKeys, first);
    if (found) {
      all.insert(all.end(), found->begin(), found->end());
    } else {
      notes.push_back(fmt::format(
          "the list of blocks that other threads gave back to the heap at {} leads nowhere",
          to_hex(heap)));
    }
    if (all.size() > kMaxHeapList) break;
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace inquest::process::mimalloc
