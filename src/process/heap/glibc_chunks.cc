#include "process/heap/glibc_chunks.h"

#include <algorithm>

namespace inquest::process::glibc {

Block to_block(const Chunk& chunk, BlockState state, uint32_t place) {
  return {.start = chunk.memory(),
          .size = chunk.usable(),
          .footprint = chunk.size(),
          .state = state,
          .place = place};
}

std::optional<Chunk> Chunks::read(Address at) {
  const auto head = words_.at(at + 8);
  if (!head) return std::nullopt;
  return Chunk{at, *head};
}

bool Chunks::is_valid(const Chunk& chunk) const {
  const uint64_t size = chunk.size();
  if (size % kAlignment != 0 || chunk.at.value % kAlignment != 0) return false;
  if ((chunk.head & kMmapped) != 0 || (is_main_ && (chunk.head & kNonMain) != 0)) return false;
  const uint64_t left = region_.chunks.end - chunk.at;
  // Fences are marked as following a chunk in use.
  if (size == kHeader) return (chunk.head & kPrevInUse) != 0 && size <= left;
  if (size == 0) return chunk.head == kPrevInUse && left <= 2 * kHeader;
  return size >= kMinChunk && size <= left;
}

std::optional<bool> Chunks::in_use(const Chunk& chunk) {
  if (chunk.next() >= region_.chunks.end) return true;
  const auto head = words_.at(chunk.next() + 8);
  if (!head) return std::nullopt;
  return (*head & kPrevInUse) != 0;
}

Chunks::Run Chunks::run(Address from, Address target, uint64_t limit) {
  Run run;
  run.stop = from;
  while (run.stop < target && run.chunks < limit) {
    const auto chunk = read(run.stop);
    if (!chunk || !is_valid(*chunk) || chunk->size() == 0) {
      run.broken = true;
      return run;
    }
    run.last = *chunk;
    run.stop = chunk->next();
    ++run.chunks;
  }
  return run;
}

std::optional<Address> Chunks::resync(Address after, std::optional<Address> goal) {
  const Address last = std::min(region_.chunks.end, after + kMaxResync);
  for (Address at = after; at < last; at = at + kAlignment) {
    if (goal && at == *goal) return at;
    if (++resync_reads_ > kMaxResyncReads) return std::nullopt;
    const auto chunk = read(at);
    if (!chunk || !is_valid(*chunk) || chunk->is_fence()) continue;
    const Address target = goal.value_or(region_.chunks.end);
    const Run reached = run(at, target, kResyncRun);
    resync_reads_ += reached.chunks;
    if (reached.broken || reached.stop > target) continue;
    if (reached.stop == target || reached.chunks == kResyncRun) return at;
  }
  // Nothing in between is a chunk any more.
  if (goal && *goal - after <= kMaxResync) return goal;
  return std::nullopt;
}

}  // namespace inquest::process::glibc
