// glibc's chunks: the header in front of each block, and walking from one to the next.
#pragma once

#include <optional>

#include "process/heap/glibc_arenas.h"
#include "process/heap/words.h"

namespace inquest::process::glibc {

struct Chunk {
  Address at;  // of the header: the word of the chunk before's size, then its own
  uint64_t head = 0;

  uint64_t size() const { return head & ~kFlags; }
  Address next() const { return at + size(); }
  Address memory() const { return at + kHeader; }
  // Bytes that the program may use: the chunk lends it the first word of the next header.
  uint64_t usable() const { return size() >= kHeader ? size() - 8 : 0; }
  bool is_fence() const { return size() <= kHeader; }
};

Block to_block(const Chunk& chunk, BlockState state, uint32_t place);

class Chunks {
 public:
  Chunks(Words& words, const Region& region, bool is_main)
      : words_(words), region_(region), is_main_(is_main) {}

  // The header at `at`; nullopt when it is not there. Not validated.
  std::optional<Chunk> read(Address at);
  // Could a chunk of this size begin here? The two words that end a used-up stretch count too.
  bool is_valid(const Chunk& chunk) const;
  // What the next chunk's header says about `chunk`; nullopt when it is not there.
  std::optional<bool> in_use(const Chunk& chunk);

  struct Run {
    Chunk last;           // the last valid chunk before `stop`
    Address stop;         // where the walk ended
    uint64_t chunks = 0;  // valid ones passed
    bool broken = false;  // at `stop` there is no valid chunk
  };
  // Walks from `from` until a chunk begins at or behind `target`, or `limit` chunks were passed.
  Run run(Address from, Address target, uint64_t limit);

  // Behind a broken header: the first place from which chunks follow each other up to `goal` (a
  // known boundary) or for a long way. nullopt when there is none within kMaxResync bytes.
  std::optional<Address> resync(Address after, std::optional<Address> goal);

  static constexpr uint64_t kMaxResync = uint64_t{1} << 20;
  static constexpr uint64_t kResyncRun = 64;
  // Headers read in all searches of one walk: damage must not make it quadratic.
  static constexpr uint64_t kMaxResyncReads = uint64_t{1} << 20;

 private:
  Words& words_;
  const Region& region_;
  bool is_main_;
  uint64_t resync_reads_ = 0;
};

}  // namespace inquest::process::glibc
