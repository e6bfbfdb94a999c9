#include "process/heap/glibc_walk.h"

#include <fmt/format.h>

#include <algorithm>

namespace inquest::process::glibc {
namespace {

constexpr uint64_t kPage = 4096;
// Damaged headers that one walk steps over.
constexpr size_t kMaxSteps = 256;

class Walk {
 public:
  Walk(Words& words, const WalkPlan& plan, WalkSink& sink)
      : words_(words), plan_(plan), sink_(sink), chunks_(words, plan.region, plan.arena.is_main) {}

  void run() {
    Address at = plan_.from;
    while (at < plan_.to && at < plan_.region.chunks.end) {
      const auto chunk = chunks_.read(at);
      if (!chunk) return;  // not in the core
      if (plan_.region.top && at > *plan_.region.top) return run_over_top(*chunk);
      if (at == plan_.region.top && !check_top(*chunk)) return;
      if (!chunks_.is_valid(*chunk)) {
        if (!step_over(*chunk, at)) return;
        continue;
      }
      if (chunk->size() == 0) return end_of_stretch(*chunk);
      if (!visit(*chunk)) return;
      at = chunk->next();
    }
  }

 private:
  bool visit(const Chunk& chunk) {
    bool in_use = true;
    if (chunk.at == plan_.region.top) {
      in_use = false;
    } else if (chunk.next() < plan_.region.chunks.end) {
      const auto next = chunks_.read(chunk.next());
      // A broken header behind it says nothing about this chunk.
      if (next && chunks_.is_valid(*next)) {
        in_use = (next->head & kPrevInUse) != 0;
        if (!in_use) check_boundary(chunk, *next);
      }
    }
    previous_ = chunk;
    return sink_.on_chunk(chunk, in_use);
  }

  void check_boundary(const Chunk& chunk, const Chunk& next) {
    const auto recorded = words_.at(next.at);
    if (!recorded || *recorded == chunk.size()) return;
    tell({.kind = HeapDamage::Kind::kBoundary,
          .at = next.at,
          .what = fmt::format("the chunk at {} says that the one before it is free and of {:#x} "
                              "bytes, but that one is of {:#x}",
                              to_hex(next.at), *recorded, chunk.size()),
          .block = to_block(next, BlockState::kUnknown, 0),
          .overflown = to_block(chunk, BlockState::kLive, 0)});
  }

  // The top ends where the arena's memory ends, on a page.
  bool check_top(const Chunk& top) {
    const uint64_t size = top.size();
    const bool fits = size >= kHeader && size <= plan_.region.chunks.end - top.at;
    if (fits && (top.at + size).value % kPage == 0) return true;
    tell({.kind = HeapDamage::Kind::kTop,
          .at = top.at + 8,
          .what = fmt::format("the size of the unused end of {} at {} is {}", plan_.arena.name,
                              to_hex(top.at), to_hex(top.head)),
          .block = {},
          .overflown = before()});
    return false;
  }

  void run_over_top(const Chunk& chunk) {
    tell({.kind = HeapDamage::Kind::kTop,
          .at = plan_.arena.bins - 16,
          .what = fmt::format("chunks run over the unused end of {} at {}", plan_.arena.name,
                              to_hex(*plan_.region.top)),
          .block = to_block(chunk, BlockState::kUnknown, 0),
          .overflown = {}});
  }

  std::optional<Block> before() const {
    if (!previous_) return std::nullopt;
    return to_block(*previous_, BlockState::kLive, 0);
  }

  void tell(HeapDamage damage) { sink_.on_damage(std::move(damage)); }

  std::optional<Address> next_boundary(Address after) const {
    const auto known = std::upper_bound(plan_.boundaries.begin(), plan_.boundaries.end(), after);
    std::optional<Address> goal;
    if (known != plan_.boundaries.end() && plan_.region.chunks.contains(*known)) goal = *known;
    if (plan_.region.top && *plan_.region.top > after && (!goal || *plan_.region.top < *goal))
      goal = plan_.region.top;
    return goal;
  }

  // Somebody else took brk memory in between: the two words in front are glibc's mark of that.
  bool follows_fence() const { return previous_ && previous_->is_fence(); }

  bool step_over(const Chunk& chunk, Address& at) {
    if (!follows_fence()) {
      tell({.kind = HeapDamage::Kind::kSize,
            .at = chunk.at + 8,
            .what = fmt::format("the size of the chunk at {} is {}", to_hex(chunk.at),
                                to_hex(chunk.head)),
            .block = to_block({chunk.at, 0}, BlockState::kUnknown, 0),
            .overflown = before()});
    }
    std::optional<Address> next;
    if (++steps_ <= kMaxSteps)
      next = chunks_.resync(chunk.at + kAlignment, next_boundary(chunk.at));
    const Address end = next.value_or(plan_.region.chunks.end);
    previous_.reset();
    if (!sink_.on_gap({chunk.at, end}) || !next) return false;
    at = *next;
    return true;
  }

  void end_of_stretch(const Chunk& fence) { sink_.on_chunk(fence, true); }

  Words& words_;
  const WalkPlan& plan_;
  WalkSink& sink_;
  Chunks chunks_;
  std::optional<Chunk> previous_;
  size_t steps_ = 0;
};

}  // namespace

void walk(Words& words, const WalkPlan& plan, WalkSink& sink) { Walk(words, plan, sink).run(); }

}  // namespace inquest::process::glibc
