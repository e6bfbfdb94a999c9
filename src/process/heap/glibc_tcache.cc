// Where each thread's tcache is.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "process/heap/cached_blocks.h"
#include "process/heap/glibc_caches.h"
#include "process/heap/glibc_chunks.h"

namespace inquest::process::glibc {
namespace {

// Bytes of thread-local storage that are searched for the C library's pointer to the tcache.
constexpr uint64_t kMaxTls = 64 * 1024;
// Threads that are searched word by word; the others use the place that these agree on. So many of
// one mind are enough; threads that have never allocated have none.
constexpr size_t kMaxSearched = 64, kEnoughVotes = 4;
// Counters are of 16 bits, and the glibc.malloc.tcache_count tunable may use them all.
constexpr uint64_t kUsualTcacheMax = 7;

struct Shape {
  uint64_t chunk, bins, count_size;
  bool counts_entries;
};
// 2.42 and later; 2.30 - 2.41; 2.26 - 2.29.
constexpr Shape kShapes[] = {{0x310, 76, 2, false}, {0x290, 64, 2, true}, {0x250, 64, 1, true}};

class TcacheFinder {
 public:
  TcacheFinder(const HeapInput& input, const Arenas& arenas)
      : input_(input), arenas_(arenas), words_(input.memory) {}

  std::vector<Tcache> find() {
    find_distance();
    for (const Thread& thread : input_.image.threads) {
      const auto pointer = thread_pointer(input_.image, thread);
      if (!pointer || !distance_) continue;
      const auto value = words_.at(Address(*pointer) + *distance_);
      if (!value || *value == 0) continue;
      if (auto tcache = tcache_at(input_.image, words_, Address(*value))) {
        tcache->whose = fmt::format("thread {}", thread.tid);
        add(std::move(*tcache));
      }
    }
    add_first_chunks();
    return std::move(found_);
  }

 private:
  void add(Tcache tcache) {
    const bool known = std::any_of(found_.begin(), found_.end(),
                                   [&](const Tcache& t) { return t.at == tcache.at; });
    if (!known) found_.push_back(std::move(tcache));
  }

  // The distance from the thread pointer at which most threads keep a pointer to a tcache.
  void find_distance() {
    std::map<uint64_t, size_t> votes;
    size_t searched = 0;
    for (const Thread& thread : input_.image.threads) {
      const auto pointer = thread_pointer(input_.image, thread);
      if (!pointer) continue;
      if (++searched > kMaxSearched) return;
      vote(Address(*pointer), votes);
      size_t best = 0, second = 0;
      for (const auto& [distance, count] : votes) {
        if (count > best) {
          second = best;
          best = count;
          distance_ = distance;
        } else {
          second = std::max(second, count);
        }
      }
      if (best >= kEnoughVotes && best > second) return;
    }
  }

  // x86-64 keeps thread-local storage below the thread pointer, AArch64 above it.
  void vote(Address pointer, std::map<uint64_t, size_t>& votes) {
    const bool below = input_.image.arch == isa::Arch::kX86_64;
    for (uint64_t offset = 8; offset <= kMaxTls; offset += 8) {
      const uint64_t distance = below ? uint64_t{0} - offset : offset;
      const auto value = words_.at(pointer + distance);
      if (!value) return;
      if (*value % kAlignment != 0 || *value < 4096) continue;
      if (tcache_at(input_.image, probes_, Address(*value))) ++votes[distance];
    }
  }

  // A thread's first allocation is its tcache, and a thread's first arena begins with it.
  void add_first_chunks() {
    for (const Region& region : arenas_.regions) {
      auto tcache = tcache_at(input_.image, words_, region.chunks.start + kHeader);
      if (!tcache) continue;
      tcache->whose = "a thread";
      add(std::move(*tcache));
    }
  }

  const HeapInput& input_;
  const Arenas& arenas_;
  Words words_;
  Words probes_{input_.memory};
  std::optional<uint64_t> distance_;
  std::vector<Tcache> found_;
};

bool is_plausible(const ProcessImage& image, Words& words, const Tcache& tcache) {
  uint64_t used = 0, wrong = 0;
  for (uint64_t i = 0; i < tcache.bins; ++i) {
    const auto count = count_of(words, tcache, i);
    const auto head = head_of(words, tcache, i);
    if (!count || !head) return false;
    if (!head->is_null()) ++used;
    const bool head_ok =
        head->is_null() || (head->value % kAlignment == 0 && image.mapping_at(*head) != nullptr);
    const bool count_ok = !tcache.counts_entries || (*count != 0) == !head->is_null();
    if (!head_ok || !count_ok) ++wrong;
  }
  // An overflow may have run into it; but an array of anything else is wrong nearly everywhere.
  if (!tcache.counts_entries && used == 0 && *count_of(words, tcache, 0) != kUsualTcacheMax)
    return false;
  return wrong <= 2 + used / 8;
}

}  // namespace

std::optional<uint64_t> count_of(Words& words, const Tcache& tcache, uint64_t index) {
  const uint64_t offset = index * tcache.count_size;
  const auto word = words.at(tcache.at + (offset & ~uint64_t{7}));
  if (!word) return std::nullopt;
  const uint64_t mask = tcache.count_size == 1 ? 0xff : 0xffff;
  return *word >> (offset % 8 * 8) & mask;
}

std::optional<Address> head_of(Words& words, const Tcache& tcache, uint64_t index) {
  const uint64_t counters = (tcache.bins * tcache.count_size + 7) & ~uint64_t{7};
  const auto word = words.at(tcache.at + counters + index * 8);
  return word ? std::optional(Address(*word)) : std::nullopt;
}

std::optional<Tcache> tcache_at(const ProcessImage& image, Words& words, Address at) {
  const auto head = words.at(at - 8);
  if (!head || (*head & kMmapped) != 0) return std::nullopt;
  for (const Shape& shape : kShapes) {
    if ((*head & ~kFlags) != shape.chunk) continue;
    const Tcache tcache{.at = at,
                        .whose = {},
                        .bins = shape.bins,
                        .count_size = shape.count_size,
                        .counts_entries = shape.counts_entries};
    if (is_plausible(image, words, tcache)) return tcache;
  }
  return std::nullopt;
}

std::vector<Tcache> find_tcaches(const HeapInput& input, const Arenas& arenas) {
  return TcacheFinder(input, arenas).find();
}

}  // namespace inquest::process::glibc
