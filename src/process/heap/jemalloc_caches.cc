#include "process/heap/jemalloc_caches.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "process/heap/words.h"

namespace inquest::process::jemalloc {
namespace {

constexpr uint64_t kBinBytes = 24;
// Bytes of thread-local storage that are searched, and threads that are searched word by word; the
// others use the place that these agree on.
constexpr uint64_t kMaxTls = 64 * 1024;
constexpr size_t kMaxSearched = 64;
constexpr uint64_t kMaxSlots = 8192;   // of one bin: its marks count bytes in 16 bits
constexpr uint64_t kMaxToLarge = 512;  // bytes from the small bins to the large ones
constexpr size_t kMaxPlaces = 1 << 16;
constexpr size_t kMaxBlocks = size_t{1} << 24;

// A bin's slots that hold blocks, and the end of all its slots.
struct Bin {
  Address first, end;
  uint64_t count() const { return (end - first) / 8; }
};

class CacheReader {
 public:
  CacheReader(const HeapInput& input, const PageMap& map, const SizeClasses& classes)
      : input_(input),
        map_(map),
        classes_(classes),
        new_caches_(map.layout().format.new_caches),
        words_(input.memory),
        slots_(input.memory) {}

  Caches read() {
    find_distance();
    if (!distance_) {
      out_.notes.emplace_back(
          "the threads' caches of jemalloc were not found: blocks in them look in use");
      return std::move(out_);
    }
    for (const Thread& thread : input_.image.threads) {
      const auto pointer = thread_pointer(input_.image, thread);
      if (pointer && is_row(Address(*pointer) + *distance_))
        read_thread(thread, Address(*pointer) + *distance_);
    }
    std::sort(out_.blocks.begin(), out_.blocks.end(),
              [](const Cached& a, const Cached& b) { return a.start < b.start; });
    find_twice();
    return std::move(out_);
  }

 private:
  // 5.3: a stack that grows down: { head, requests, low bits of: low water, full, empty }.
  std::optional<Bin> new_bin(Address at) {
    const auto head = words_.at(at), marks = words_.at(at + 16);
    if (!head || !marks || *head == 0 || *head % 8 != 0) return std::nullopt;
    const auto low = static_cast<uint16_t>(*head);
    const auto to = [&](uint64_t shift) { return static_cast<uint16_t>(*marks >> shift); };
    const auto used = static_cast<uint16_t>(to(32) - low);
    const auto from_water = static_cast<uint16_t>(to(32) - to(0));
    const auto whole = static_cast<uint16_t>(to(32) - to(16));
    if ((used | from_water | whole) % 8 != 0 || from_water > used || used > whole)
      return std::nullopt;
    return Bin{Address(*head), Address(*head) + used};
  }

  // 5.0 - 5.2: { low water, count; requests; end of the slots }.
  std::optional<Bin> old_bin(Address at) {
    const auto counts = words_.at(at), end = words_.at(at + 16);
    if (!counts || !end || *end == 0 || *end % 8 != 0) return std::nullopt;
    const auto low_water = static_cast<int32_t>(*counts);
    const auto count = static_cast<int32_t>(*counts >> 32);
    if (count < 0 || count > static_cast<int32_t>(kMaxSlots) || low_water < -1 || low_water > count)
      return std::nullopt;
    return Bin{Address(*end) - static_cast<uint64_t>(count) * 8, Address(*end)};
  }
  std::optional<Bin> bin_at(Address at) { return new_caches_ ? new_bin(at) : old_bin(at); }

  // Do slots of bins follow each other, as they were cut from one piece of memory?
  static bool follows(const Bin& before, const Bin& bin) {
    return bin.end > before.end && bin.first >= before.end && bin.end - before.end <= kMaxSlots * 8;
  }

  // A row of bins for all small size classes.
  bool is_row(Address at) {
    std::optional<Bin> before;
    uint32_t following = 0;
    for (uint32_t i = 0; i < classes_.small_count(); ++i) {
      const auto bin = bin_at(at + i * kBinBytes);
      if (!bin) return false;
      if (before && follows(*before, *bin)) ++following;
      if (i == 4 && following < 2) return false;
      before = bin;
    }
    return following * 4 >= classes_.small_count() * 3;
  }

  // Blocks in the row that are of the size class of their bin, minus those that are not.
  int64_t agreement(Address at) {
    int64_t sum = 0;
    for (uint32_t i = 0; i < classes_.small_count(); ++i) {
      const auto bin = bin_at(at + i * kBinBytes);
      for (Address slot = bin->first; slot < bin->end; slot = slot + 8) {
        const auto block = slots_.at(slot);
        sum += block && is_block(Address(*block), i) ? 1 : -1;
      }
    }
    return sum;
  }

  bool is_block(Address block, uint32_t szind) const {
    const auto element = map_.element_at(block);
    return element && element->szind == szind;
  }

  // The distance from the thread pointer at which most threads keep their row.
  void find_distance() {
    std::map<uint64_t, int64_t> votes;
    size_t searched = 0;
    const bool below = input_.image.arch == isa::Arch::kX86_64;
    for (const Thread& thread : input_.image.threads) {
      const auto pointer = thread_pointer(input_.image, thread);
      if (!pointer || ++searched > kMaxSearched) continue;
      for (uint64_t offset = 8; offset <= kMaxTls; offset += 8) {
        const uint64_t distance = below ? uint64_t{0} - offset : offset;
        const Address at = Address(*pointer) + distance;
        if (!words_.at(at)) break;
        if (is_row(at)) votes[distance] += 1 + agreement(at);
      }
    }
    int64_t best = 0;
    for (const auto& [distance, votes_for] : votes) {
      if (votes_for <= best) continue;
      best = votes_for;
      distance_ = distance;
    }
  }

  void read_thread(const Thread& thread, Address row) {
    out_.found = true;
    std::optional<Bin> before;
    const uint32_t small = classes_.small_count();
    for (uint32_t i = 0; i < small; ++i) {
      const auto bin = bin_at(row + i * kBinBytes);
      if (i == 0) out_.stacks.push_back(bin->first - (bin->count() == 0 ? 8 : 0));
      read_bin(thread, *bin, i);
      if (bin->count() != 0 || !before || bin->end > before->end) before = bin;
    }
    const Address rest = row + small * kBinBytes;
    for (uint64_t skip = 0; skip <= (new_caches_ ? 0 : kMaxToLarge); skip += 8) {
      const auto first = bin_at(rest + skip);
      if (!first || !before || !follows(*before, *first)) continue;
      read_large(thread, rest + skip, *before);
      return;
    }
  }

  void read_large(const Thread& thread, Address at, Bin before) {
    for (uint32_t i = classes_.small_count(); i < classes_.count(); ++i, at = at + kBinBytes) {
      const auto bin = bin_at(at);
      if (!bin || !follows(before, *bin)) return;
      read_bin(thread, *bin, i);
      before = *bin;
    }
  }

  void read_bin(const Thread& thread, const Bin& bin, uint32_t szind) {
    if (bin.count() == 0 || out_.places.size() >= kMaxPlaces) return;
    const auto place = static_cast<uint32_t>(out_.places.size() + 1);
    out_.places.push_back(
        fmt::format("thread {}'s tcache bin for {}-byte blocks", thread.tid, classes_.size(szind)));
    sizes_.push_back(classes_.size(szind));
    for (Address slot = bin.first; slot < bin.end; slot = slot + 8) {
      const auto word = slots_.at(slot);
      if (!word) {
        note_missing();
        return;
      }
      if (out_.blocks.size() >= kMaxBlocks) return;
      check(Address(*word), szind, slot, place);
      out_.blocks.push_back({Address(*word), place});
    }
  }

  void note_missing() {
    if (!out_.notes.empty()) return;
    out_.notes.emplace_back("parts of jemalloc's thread caches are not in the core");
  }

  // What was given to free() must be the start of a block, and of the size that was said.
  void check(Address block, uint32_t szind, Address slot, uint32_t place) {
    const auto extent = map_.find(block);
    std::string wrong;
    std::optional<Block> whose;
    if (!extent || extent->state != ExtentState::kActive) {
      wrong = "lies in no block of jemalloc";
    } else {
      const uint64_t real = classes_.size(extent->szind), offset = block - extent->start;
      const uint64_t inside = extent->slab && real != 0 ? offset % real : offset;
      whose = Block{.start = block - inside, .size = real, .footprint = real};
      if (inside != 0) {
        wrong = fmt::format(
            "is {} bytes inside the block of {} bytes at {}: it was freed by an "
            "address that is not its start",
            inside, real, to_hex(whose->start));
      } else if (extent->szind != szind) {
        wrong = fmt::format("is of {} bytes: it was freed with a size that it does not have", real);
      }
    }
    if (wrong.empty()) return;
    tell({.kind = HeapDamage::Kind::kList,
          .at = slot,
          .what = fmt::format("{} in {} {}", to_hex(block), out_.places[place - 1], wrong),
          .block = whose,
          .overflown = {}});
  }

  void find_twice() {
    const auto size_of = [&](const Cached& cached) { return sizes_[cached.place - 1]; };
    const size_t most = kMaxHeapDamage - out_.damage.size();
    for (HeapDamage& damage : freed_twice(out_.blocks, out_.places, size_of, most))
      out_.damage.push_back(std::move(damage));
  }

  void tell(HeapDamage damage) {
    if (out_.damage.size() < kMaxHeapDamage) out_.damage.push_back(std::move(damage));
  }

  const HeapInput& input_;
  const PageMap& map_;
  const SizeClasses& classes_;
  const bool new_caches_;
  Words words_, slots_;
  std::optional<uint64_t> distance_;
  std::vector<uint64_t> sizes_;  // of the blocks of each place
  Caches out_;
};

}  // namespace

Caches read_caches(const HeapInput& input, const PageMap& map, const SizeClasses& classes) {
  return CacheReader(input, map, classes).read();
}

}  // namespace inquest::process::jemalloc
