#include "process/heap/tcmalloc_caches.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "process/heap/words.h"

namespace inquest::process::tcmalloc {
namespace {

// A thread's cache begins with a list a class: { head; length, low water; longest, …; size }.
constexpr uint64_t kListBytes = 32, kListLength = 8, kListSize = 24;
// A central list: { lock; class; two lists of spans; two counts; slots of { head, tail }; used, …
// }.
constexpr uint64_t kCentralBytes = 1216, kCentralClass = 8, kCentralSlots = 128;
constexpr uint64_t kMaxSlots = 64, kCentralUsed = kCentralSlots + 16 * kMaxSlots;
constexpr uint32_t kMinClasses = 24;
constexpr uint64_t kLargestObject = 256 * 1024;
constexpr uint64_t kMaxTls = 64 * 1024;
constexpr size_t kMaxSearched = 64;
constexpr uint64_t kMaxSearchedData = uint64_t{64} << 20;
constexpr size_t kMaxBlocks = size_t{1} << 24, kMaxPlaces = 1 << 16;

class CacheReader {
 public:
  CacheReader(const HeapInput& input, const Layout& layout, const SpanMap& map)
      : input_(input), layout_(layout), map_(map), words_(input.memory), objects_(input.memory) {}

  Caches read() {
    find_distance();
    for (const Thread& thread : input_.image.threads) {
      const auto cache = cache_of(thread);
      if (cache) read_thread(thread, *cache);
    }
    if (!out_.threads_found) {
      out_.notes.emplace_back(
          "the threads' caches of tcmalloc were not found: sizes of its blocks, and which of them "
          "are free, are not known");
      return std::move(out_);
    }
    read_central();
    if (!out_.central_found) {
      out_.notes.emplace_back(
          "the central caches of tcmalloc were not found: blocks in them look in use");
    }
    std::stable_sort(out_.blocks.begin(), out_.blocks.end(),
                     [](const Cached& a, const Cached& b) { return a.start < b.start; });
    find_twice();
    return std::move(out_);
  }

 private:
  // The sizes that a thread's cache at this place has, or none.
  std::vector<uint64_t> sizes_at(Address at) {
    std::vector<uint64_t> sizes{0};
    for (uint32_t i = 1; i < kMaxClasses; ++i) {
      const Address list = at + i * kListBytes;
      const auto head = words_.at(list), lengths = words_.at(list + kListLength);
      const auto last = words_.at(list + kListSize);
      if (!head || !lengths || !last) return {};
      const uint64_t size = *last & 0xffffffff;
      if (size == 0) break;
      const bool empty = *head == 0, none = (*lengths & 0xffffffff) == 0;
      if (size <= sizes.back() || size > kLargestObject || size % 8 != 0 || empty != none)
        return {};
      sizes.push_back(size);
    }
    if (sizes.size() < kMinClasses || sizes[1] > 16) return {};
    return sizes;
  }

  // The distance from the thread pointer at which most threads keep a pointer to their cache.
  void find_distance() {
    std::map<uint64_t, size_t> votes;
    size_t searched = 0, best = 0;
    const bool below = input_.image.arch == isa::Arch::kX86_64;
    for (const Thread& thread : input_.image.threads) {
      const auto pointer = thread_pointer(input_.image, thread);
      if (!pointer || ++searched > kMaxSearched) continue;
      for (uint64_t offset = 8; offset <= kMaxTls; offset += 8) {
        const uint64_t distance = below ? uint64_t{0} - offset : offset;
        const auto value = objects_.at(Address(*pointer) + distance);
        if (!value) break;
        if (*value % 64 != 0 || *value < 4096 ||
            input_.image.mapping_at(Address(*value)) == nullptr)
          continue;
        if (!sizes_at(Address(*value)).empty()) ++votes[distance];
      }
    }
    for (const auto& [distance, count] : votes) {
      if (count <= best) continue;
      best = count;
      distance_ = distance;
    }
  }

  std::optional<Address> cache_of(const Thread& thread) {
    const auto pointer = thread_pointer(input_.image, thread);
    if (!pointer || !distance_) return std::nullopt;
    const auto value = objects_.at(Address(*pointer) + *distance_);
    if (!value || *value == 0 || *value % 64 != 0) return std::nullopt;
    const auto sizes = sizes_at(Address(*value));
    if (sizes.empty() || (!out_.sizes.empty() && sizes != out_.sizes)) return std::nullopt;
    if (out_.sizes.empty()) {
      if (!fits(sizes)) return std::nullopt;
      out_.sizes = sizes;
    }
    out_.threads_found = true;
    return Address(*value);
  }

  // These sizes belong to this map: its spans have no classes beyond them, and are not smaller.
  bool fits(const std::vector<uint64_t>& sizes) const {
    const Address end(uint64_t{1} << 47);
    Address at(0);
    for (int n = 0; n < 64; ++n) {
      const auto span = map_.next(at, end);
      if (!span) break;
      at = span->pages.end;
      if (span->location != 0 || span->size_class == 0) continue;
      if (span->size_class >= sizes.size()) return false;
      if (span->pages.size() / sizes[span->size_class] < span->used) return false;
    }
    return true;
  }

  void read_thread(const Thread& thread, Address cache) {
    for (uint32_t i = 1; i < out_.sizes.size(); ++i) {
      const Address list = cache + i * kListBytes;
      const uint64_t head = words_.at(list).value_or(0);
      const uint64_t length = words_.at(list + kListLength).value_or(0) & 0xffffffff;
      if (head == 0) continue;
      const uint32_t place =
          add_place(fmt::format("thread {}'s cache for {}-byte blocks", thread.tid, out_.sizes[i]));
      follow(Address(head), length, i, place, true);
    }
  }

  uint32_t add_place(std::string text) {
    if (out_.places.size() >= kMaxPlaces) return static_cast<uint32_t>(out_.places.size());
    out_.places.push_back(std::move(text));
    return static_cast<uint32_t>(out_.places.size());
  }

  bool is_object(Address object, uint32_t size_class) const {
    const auto span = map_.find(object);
    if (!span || span->location != 0 || span->size_class != size_class) return false;
    return (object - span->pages.start) % out_.sizes[size_class] == 0;
  }

  // A chain of at most `length` objects, linked by their first words. `exact`: it has that many.
  void follow(Address head, uint64_t length, uint32_t size_class, uint32_t place, bool exact) {
    Address at = head, before;
    for (uint64_t n = 0; n < length; ++n) {
      if (at.is_null()) {
        if (exact) broken(before, at, place);
        return;
      }
      if (!is_object(at, size_class)) return broken(before, at, place);
      if (out_.blocks.size() >= kMaxBlocks) return;
      out_.blocks.push_back({at, place});
      const auto next = objects_.at(at);
      if (!next) return;
      before = at;
      at = Address(*next);
    }
  }

  // The link that led to `to`, in the block `from` (null: the head), makes no sense.
  void broken(Address from, Address to, uint32_t place) {
    if (out_.damage.size() >= kMaxHeapDamage) return;
    HeapDamage damage;
    damage.kind = from.is_null() ? HeapDamage::Kind::kList : HeapDamage::Kind::kFreedWrite;
    damage.at = from.is_null() ? to : from;
    damage.what = from.is_null()
                      ? fmt::format("{} begins with {}, which is no such block",
                                    out_.places[place - 1], to_hex(to))
                      : fmt::format("the freed block at {} in {} was written to: its link is {}",
                                    to_hex(from), out_.places[place - 1], to_hex(to));
    out_.damage.push_back(std::move(damage));
  }

  // The central lists are an array in the same data as the root: each says its class.
  void read_central() {
    const auto array = find_central();
    if (!array) return;
    out_.central_found = true;
    for (uint32_t i = 1; i < out_.sizes.size(); ++i) {
      const Address list = *array + i * kCentralBytes;
      const uint64_t used = words_.at(list + kCentralUsed).value_or(0) & 0xffffffff;
      if (used == 0 || used > kMaxSlots) continue;
      const uint32_t place =
          add_place(fmt::format("the central cache for {}-byte blocks", out_.sizes[i]));
      for (uint64_t slot = 0; slot < used; ++slot) {
        const auto head = words_.at(list + kCentralSlots + slot * 16);
        if (head && *head != 0) follow(Address(*head), kMaxBlocks, i, place, false);
      }
    }
  }

  std::optional<Address> find_central() {
    for (const Mapping& mapping : input_.image.mappings) {
      // Near the root: in its module's data.
      if (mapping.protection && !mapping.protection->write) continue;
      const bool near =
          mapping.range.end + kMaxSearchedData > layout_.root &&
          mapping.range.start < layout_.root + layout_.shape.root_bytes() + kMaxSearchedData;
      if (!near || mapping.range.size() > kMaxSearchedData) continue;
      for (Address at = mapping.range.start; at + kCentralBytes < mapping.range.end; at = at + 32) {
        if (is_central(at)) return at;
      }
    }
    return std::nullopt;
  }

  bool is_central(Address at) {
    for (uint32_t i = 0; i < out_.sizes.size(); ++i) {
      const auto size_class = words_.at(at + i * kCentralBytes + kCentralClass);
      if (!size_class || *size_class != i) return false;
      const auto used = words_.at(at + i * kCentralBytes + kCentralUsed);
      if (!used || (*used & 0xffffffff) > kMaxSlots) return false;
    }
    return true;
  }

  void find_twice() {
    const auto size_of = [&](const Cached& cached) {
      const auto span = map_.find(cached.start);
      return span ? out_.sizes[span->size_class] : 0;
    };
    const size_t most = kMaxHeapDamage - out_.damage.size();
    for (HeapDamage& damage : freed_twice(out_.blocks, out_.places, size_of, most))
      out_.damage.push_back(std::move(damage));
  }

  const HeapInput& input_;
  const Layout& layout_;
  const SpanMap& map_;
  Words words_, objects_;
  std::optional<uint64_t> distance_;
  Caches out_;
};

}  // namespace

Caches read_caches(const HeapInput& input, const Layout& layout, const SpanMap& map) {
  return CacheReader(input, layout, map).read();
}

}  // namespace inquest::process::tcmalloc
