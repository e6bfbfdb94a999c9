#include "process/heap/glibc_caches.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "process/heap/glibc_chunks.h"

namespace inquest::process::glibc {
namespace {

constexpr uint64_t kFastbins = 10;
constexpr uint64_t kMaxTcacheList = 65535;
constexpr size_t kMaxCached = size_t{4} << 20;
// Blocks that must carry the same second word before it counts as the key of tcaches.
constexpr size_t kMinKeyVotes = 3;

// A list of free blocks that are linked through their first words.
struct List {
  Address first;            // block, not chunk
  uint64_t limit = 0;       // entries
  uint64_t chunk_size = 0;  // of all its blocks, 0: not known
  uint64_t link_bias = 0;   // from what links hold to the block
  uint32_t place = 0;
};

class CacheReader {
 public:
  CacheReader(const HeapInput& input, const Arenas& arenas)
      : input_(input), arenas_(arenas), words_(input.memory) {}

  Caches read() {
    out_.tcaches = find_tcaches(input_, arenas_);
    collect_tcache_lists();
    const size_t tcache_lists = lists_.size();
    if (arenas_.has_fastbins) collect_fastbins();
    out_.mangled = links_are_mangled();
    for (size_t i = 0; i < lists_.size(); ++i) {
      if (i == tcache_lists) find_key();
      follow(lists_[i]);
    }
    if (tcache_lists == lists_.size()) find_key();
    std::sort(out_.blocks.begin(), out_.blocks.end(), [](const Cached& a, const Cached& b) {
      return a.memory != b.memory ? a.memory < b.memory : a.place < b.place;
    });
    find_duplicates();
    return std::move(out_);
  }

 private:
  uint32_t place(std::string text) {
    out_.places.push_back(std::move(text));
    return static_cast<uint32_t>(out_.places.size());
  }

  static uint64_t size_of_bin(uint64_t index) { return kMinChunk + index * kAlignment; }

  void collect_tcache_lists() {
    for (const Tcache& tcache : out_.tcaches) {
      for (uint64_t i = 0; i < tcache.bins; ++i) {
        const Address first = head_of(words_, tcache, i).value_or(Address(0));
        if (first.is_null()) continue;
        const bool small = i < 64;
        const std::string text =
            small
                ? fmt::format("{}'s tcache bin for {:#x}-byte chunks", tcache.whose, size_of_bin(i))
                : fmt::format("{}'s tcache bin {} for large chunks", tcache.whose, i);
        uint64_t limit = kMaxTcacheList;
        if (tcache.counts_entries) limit = count_of(words_, tcache, i).value_or(limit);
        lists_.push_back({first, limit, small ? size_of_bin(i) : 0, 0, place(text)});
      }
    }
  }

  void collect_fastbins() {
    for (const Arena& arena : arenas_.all) {
      for (uint64_t i = 0; i < kFastbins; ++i) {
        const Address slot = arena.bins - 16 - (kFastbins - i) * 8;
        const uint64_t first = words_.at(slot).value_or(0);
        if (first == 0) continue;
        const std::string text =
            fmt::format("the fastbin for {:#x}-byte chunks of {}", size_of_bin(i), arena.name);
        lists_.push_back(
            {Address(first) + kHeader, kMaxHeapList, size_of_bin(i), kHeader, place(text)});
      }
    }
  }

  bool is_block(Address address) const {
    return address.value % kAlignment == 0 && input_.image.mapping_at(address) != nullptr;
  }

  // Votes over the first link of each list: does it make sense as it is, or only when demangled?
  bool links_are_mangled() {
    size_t mangled = 0, plain = 0;
    for (const List& list : lists_) {
      const auto link = words_.at(list.first);
      if (!link) continue;
      const uint64_t revealed = *link ^ (list.first.value >> 12);
      if (*link == 0 || is_block(Address(*link))) ++plain;
      if (revealed == 0 || is_block(Address(revealed))) ++mangled;
    }
    return mangled >= plain;
  }

  Address reveal(Address where, uint64_t link) const {
    return Address(out_.mangled ? link ^ (where.value >> 12) : link);
  }

  void damage(HeapDamage::Kind kind, Address at, std::string what, Address memory) {
    if (out_.damage.size() >= kMaxHeapDamage) return;
    HeapDamage damage{
        .kind = kind, .at = at, .what = std::move(what), .block = {}, .overflown = {}};
    if (const auto head = words_.at(memory - 8)) {
      const Chunk chunk{memory - kHeader, *head};
      damage.block = to_block(chunk, BlockState::kFreed, 0);
    }
    out_.damage.push_back(std::move(damage));
  }

  void follow(const List& list) {
    const std::string& where = out_.places[list.place - 1];
    Address at = list.first;
    Address marker;  // Brent's: meets a circle however long its tail
    uint64_t power = 1, steps = 0;
    for (uint64_t n = 0; n < list.limit && out_.blocks.size() < kMaxCached; ++n) {
      if (n == 0 && !is_block(at)) {
        return damage(HeapDamage::Kind::kList, at,
                      fmt::format("the head of {} is {}", where, to_hex(at)), at);
      }
      if (at == marker) {
        return damage(HeapDamage::Kind::kDoubleFree, at,
                      fmt::format("the block at {} stands twice in {}", to_hex(at), where), at);
      }
      out_.blocks.push_back({at, list.place});
      check_header(at, list, where);
      const auto link = words_.at(at);
      if (!link) {
        out_.notes.push_back(fmt::format("{}: the block at {} is not in the core: {}", where,
                                         to_hex(at), to_string(input_.memory.why_missing(at))));
        return;
      }
      Address next = reveal(at, *link);
      if (next.is_null()) return;
      next = next + list.link_bias;
      if (!is_block(next)) {
        return damage(
            HeapDamage::Kind::kFreedWrite, at,
            fmt::format("the free-list link in the freed block at {} ({}) was overwritten: it is "
                        "{}",
                        to_hex(at), where, to_hex(*link)),
            at);
      }
      if (++steps == power) {
        marker = at;
        power *= 2;
        steps = 0;
      }
      at = next;
    }
  }

  void check_header(Address at, const List& list, const std::string& where) {
    const auto head = words_.at(at - 8);
    if (!head || list.chunk_size == 0 || (*head & ~kFlags) == list.chunk_size) return;
    damage(HeapDamage::Kind::kSize, at - 8,
           fmt::format("the size of the freed block at {} is {:#x}, but it is in {}", to_hex(at),
                       *head, where),
           at);
  }

  // free() marks what it puts into a tcache with one word, the same for all blocks of a thread
  // (before 2.34 the address of its tcache) or of the process.
  void find_key() {
    std::map<uint64_t, size_t> votes;
    for (const Cached& cached : out_.blocks) {
      if (const auto word = words_.at(cached.memory + 8)) ++votes[*word];
    }
    size_t total = 0, best = 0;
    uint64_t key = 0;
    for (const auto& [word, count] : votes) {
      total += count;
      if (count <= best) continue;
      best = count;
      key = word;
    }
    const bool is_tcache = std::any_of(out_.tcaches.begin(), out_.tcaches.end(),
                                       [&](const Tcache& t) { return t.at.value == key; });
    if (key == 0 || best < kMinKeyVotes || best * 2 <= total || is_tcache) return;
    out_.key = key;
    for (const Cached& cached : out_.blocks) {
      const auto word = words_.at(cached.memory + 8);
      if (!word || *word == key) continue;
      damage(HeapDamage::Kind::kFreedWrite, cached.memory + 8,
             fmt::format("the second word of the freed block at {} ({}) was overwritten: it is {}",
                         to_hex(cached.memory), out_.places[cached.place - 1], to_hex(*word)),
             cached.memory);
    }
  }

  void find_duplicates() {
    auto& blocks = out_.blocks;
    for (size_t i = 1; i < blocks.size(); ++i) {
      if (blocks[i].memory != blocks[i - 1].memory) continue;
      const bool told = std::any_of(out_.damage.begin(), out_.damage.end(), [&](const auto& d) {
        return d.kind == HeapDamage::Kind::kDoubleFree &&
               (d.at == blocks[i].memory || blocks[i].place == blocks[i - 1].place);
      });
      if (told) continue;
      damage(HeapDamage::Kind::kDoubleFree, blocks[i].memory,
             fmt::format("the block at {} is free twice: it is in {} and in {}",
                         to_hex(blocks[i].memory), out_.places[blocks[i - 1].place - 1],
                         out_.places[blocks[i].place - 1]),
             blocks[i].memory);
    }
    const auto same = [](const Cached& a, const Cached& b) { return a.memory == b.memory; };
    blocks.erase(std::unique(blocks.begin(), blocks.end(), same), blocks.end());
  }

  const HeapInput& input_;
  const Arenas& arenas_;
  Words words_;
  std::vector<List> lists_;
  Caches out_;
};

}  // namespace

const Cached* Caches::find(Address memory) const {
  const auto found =
      std::lower_bound(blocks.begin(), blocks.end(), memory,
                       [](const Cached& c, Address wanted) { return c.memory < wanted; });
  return found != blocks.end() && found->memory == memory ? &*found : nullptr;
}

Caches read_caches(const HeapInput& input, const Arenas& arenas) {
  return CacheReader(input, arenas).read();
}

}  // namespace inquest::process::glibc
