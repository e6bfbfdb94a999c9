#include "process/heap/glibc_bins.h"

#include <fmt/format.h>

#include <algorithm>

#include "process/heap/glibc_chunks.h"

namespace inquest::process::glibc {
namespace {

// Entries followed in all bins together: each may touch a page of its own.
constexpr uint64_t kMaxBinned = uint64_t{1} << 18;
constexpr uint64_t kMaxFollowed = uint64_t{1} << 20;
constexpr uint64_t kFirstLargeBin = 63;

std::string name_of(const Arena& arena, uint64_t index) {
  if (index == 0) return fmt::format("the unsorted bin of {}", arena.name);
  if (index < kFirstLargeBin)
    return fmt::format("the small bin for {:#x}-byte chunks of {}", (index + 1) * kAlignment,
                       arena.name);
  return fmt::format("large bin {} of {}", index + 1, arena.name);
}

class BinReader {
 public:
  BinReader(const HeapInput& input, const Arenas& arenas)
      : input_(input), arenas_(arenas), words_(input.memory) {}

  Bins read() {
    for (const Arena& arena : arenas_.all) {
      for (uint64_t bin = 0; bin < kBinCount && left_ > 0; ++bin) follow(arena, bin);
    }
    if (left_ == 0) {
      out_.notes.push_back(
          fmt::format("only the first {} chunks in bins were looked at", kMaxBinned));
    }
    std::sort(out_.chunks.begin(), out_.chunks.end());
    out_.chunks.erase(std::unique(out_.chunks.begin(), out_.chunks.end()), out_.chunks.end());
    return std::move(out_);
  }

 private:
  void damage(HeapDamage::Kind kind, Address at, std::string what, Address chunk) {
    if (out_.damage.size() >= kMaxHeapDamage) return;
    HeapDamage damage{
        .kind = kind, .at = at, .what = std::move(what), .block = {}, .overflown = {}};
    if (const auto head = words_.at(chunk + 8)) {
      if (arenas_.region_at(chunk) != nullptr)
        damage.block = to_block({chunk, *head}, BlockState::kFreed, 0);
    }
    out_.damage.push_back(std::move(damage));
  }

  // The head's own links are in the arena; the first step tells whether they are sound.
  void follow(const Arena& arena, uint64_t bin) {
    const Address head = Arenas::bin_chunk(arena, bin);
    const std::string where = name_of(arena, bin);
    Address previous = head;
    auto link = words_.at(head + 16);
    if (!link || Address(*link) == head) return;
    for (; left_ > 0; --left_) {
      const Address at(*link);
      if (at == head) return;
      if (!is_chunk(at)) return broken_link(previous, head, where, *link);
      const auto back = words_.at(at + 24);
      if (!back) return missing(at, where);
      if (Address(*back) != previous && is_overwritten(at)) {
        return broken_link(at, head, where, words_.at(at + 16).value_or(0));
      }
      if (Address(*back) != previous) {
        return damage(HeapDamage::Kind::kList, at + 24,
                      fmt::format("the free chunk at {} in {} should lead back to {}, but holds {}",
                                  to_hex(at), where, to_hex(previous), to_hex(*back)),
                      at);
      }
      if (!check_size(at, bin, where)) return;
      out_.chunks.push_back(at);
      previous = at;
      link = words_.at(at + 16);
      if (!link) return missing(at, where);
    }
  }

  bool is_chunk(Address at) const {
    return at.value % kAlignment == 0 && input_.image.mapping_at(at) != nullptr;
  }

  // Neither of its links leads anywhere: not the list is wrong, but the chunk was written to.
  bool is_overwritten(Address at) {
    const auto next = words_.at(at + 16);
    return next && !is_chunk(Address(*next));
  }

  void broken_link(Address previous, Address head, const std::string& where, uint64_t link) {
    if (previous == head) {
      return damage(HeapDamage::Kind::kList, head + 16,
                    fmt::format("the head of {} is {}", where, to_hex(link)), head);
    }
    damage(HeapDamage::Kind::kFreedWrite, previous + 16,
           fmt::format("the free-list link in the freed block at {} ({}) was overwritten: it is {}",
                       to_hex(previous + kHeader), where, to_hex(link)),
           previous);
  }

  void missing(Address at, const std::string& where) {
    out_.notes.push_back(fmt::format("{}: the chunk at {} is not in the core: {}", where,
                                     to_hex(at), to_string(input_.memory.why_missing(at))));
  }

  // Small bins hold chunks of one size.
  bool check_size(Address at, uint64_t bin, const std::string& where) {
    const auto head = words_.at(at + 8);
    if (!head || bin == 0 || bin >= kFirstLargeBin) return true;
    if ((*head & ~kFlags) == (bin + 1) * kAlignment) return true;
    damage(HeapDamage::Kind::kSize, at + 8,
           fmt::format("the size of the free chunk at {} is {:#x}, but it is in {}", to_hex(at),
                       *head, where),
           at);
    return false;
  }

  const HeapInput& input_;
  const Arenas& arenas_;
  Words words_;
  Bins out_;
  uint64_t left_ = kMaxBinned;
};

}  // namespace

Bins read_bins(const HeapInput& input, const Arenas& arenas) {
  return BinReader(input, arenas).read();
}

std::optional<std::string> bin_of(Words& words, const Arenas& arenas, Address chunk) {
  const Region* region = arenas.region_at(chunk);
  if (region == nullptr) return std::nullopt;
  const Arena& arena = arenas.all[region->arena];
  Address at = chunk;
  for (uint64_t n = 0; n < kMaxFollowed; ++n) {
    const auto next = words.at(at + 16);
    if (!next || *next % 8 != 0) return std::nullopt;
    at = Address(*next);
    if (at == chunk) return std::nullopt;
    const uint64_t distance = at - Arenas::bin_chunk(arena, 0);
    if (distance < kBinBytes && distance % 16 == 0) return name_of(arena, distance / 16);
  }
  return std::nullopt;
}

}  // namespace inquest::process::glibc
