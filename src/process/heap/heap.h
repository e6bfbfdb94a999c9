// The heap of a dead process, read from its memory alone: no symbols of the allocator are needed.
//
// Each allocator is an `Allocator` of its own file; `recognise` (allocators.cc) tries all of them.
// A process may have several (jemalloc in the program, glibc below a library).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "process/image/process_image.h"
#include "process/modules/modules.h"

namespace inquest::process {

enum class BlockState : uint8_t {
  kLive,      // handed out and not given back
  kFreed,     // given back: in one of the allocator's lists or bitmaps, or merged into its spare
              // memory (an allocator that cannot tell this from kUnused says kFreed)
  kUnused,    // never handed out, or nobody can tell: the top of an arena
  kInternal,  // the allocator's own: a thread's cache, an arena's header
  kUnknown,   // the records of the allocator are damaged here
};
std::string_view to_string(BlockState state);

// One piece of heap as the allocator divides it.
struct Block {
  Address start;           // what malloc() returned, or would return
  uint64_t size = 0;       // usable bytes from `start` on: at least what was asked for
  uint64_t footprint = 0;  // bytes of the heap that it takes, its header included
  BlockState state = BlockState::kLive;
  uint32_t place = 0;  // where the allocator keeps it: index into places(), 0 when there is nothing
                       // to say

  Address end() const { return start + size; }
};

// Something in the allocator's records that cannot be.
struct HeapDamage {
  enum class Kind : uint8_t {
    kSize,        // a block's size leads nowhere
    kBoundary,    // two records of one block's size, or of its being free, disagree
    kList,        // a link of a free list leads nowhere or back wrongly
    kTop,         // the unused end of an arena does not end where the arena does
    kDoubleFree,  // one block stands in free lists twice
    kFreedWrite,  // a freed block was written to
  };
  Kind kind = Kind::kSize;
  Address at;                  // the first byte known to be wrong
  std::string what;            // one phrase: "the size of the block at 0x… is 0x4141414141414141"
  std::optional<Block> block;  // whose record it is
  std::optional<Block> overflown;  // the block before it that likely ran over
};

// One address, answered.
struct Located {
  Block block;
  std::string place;  // "thread 3's tcache bin for 0x90-byte chunks"; empty when live
  std::optional<Block> before, behind;  // its neighbours in the heap
  // Was the block found by walking from a boundary that the allocator's own records prove? Else
  // by agreement of its surroundings only.
  bool proven = false;
  std::string proof;  // "walked 12 chunks from the free chunk at 0x…"
};

// A part of the address space that an allocator gets its memory from.
struct HeapRegion {
  AddressRange range;
  std::string name;  // "main arena", "arena of thread 17", "mmapped chunk"
};

// Blocks come in batches, in address order within a region. Answer false to stop.
using BlockVisitor = std::function<bool(std::span<const Block>)>;

class Allocator {
 public:
  virtual ~Allocator() = default;

  virtual std::string name() const = 0;  // "glibc malloc 2.36"
  // Memory that blocks may lie in, by address, as far as it is known without walking.
  virtual const std::vector<HeapRegion>& regions() const = 0;
  // Texts that Block::place stands for. places()[0] is empty.
  virtual const std::vector<std::string>& places() const = 0;

  // Memory outside of blocks that holds the allocator's own records: pointers in it keep nothing
  // alive.
  virtual std::vector<AddressRange> records() const { return {}; }

  // The block that holds `address`, or nullopt when it lies in none of this allocator's memory.
  // Reads only what it needs.
  virtual std::optional<Located> locate(Address address) const = 0;
  // Does a walk with visit() prove blocks that locate() answers as not proven?
  virtual bool walking_proves() const { return false; }
  // Every block, in one pass with bounded memory. What is found damaged on the way is told to
  // damage().
  virtual void visit(const BlockVisitor& visitor) = 0;
  // Looks at the allocator's lists and, for a limited distance, at the records around `near`;
  // adds to damage().
  virtual void check(std::span<const Address> near) = 0;
  virtual const std::vector<HeapDamage>& damage() const = 0;
  // What could not be read, and why.
  virtual const std::vector<std::string>& notes() const = 0;

  // Bytes from the start of a freed block in which the allocator keeps links of its own.
  virtual uint64_t link_bytes() const { return 16; }
  // The code of an allocator that ends the process by a trap, without a word, when a pointer that
  // it is given or a record makes no sense lies in this module; nullptr: it does not.
  virtual const Module* trapping_module() const { return nullptr; }
  // Such an allocator's free() looks up the record of the block that it is given before it checks
  // anything. Where it would look for that of `pointer`, right or wrong.
  virtual std::optional<Address> record_of(Address /*pointer*/) const { return std::nullopt; }
};

struct HeapInput {
  const ProcessImage& image;
  const ModuleSet* modules;    // nullptr: only what the mappings say
  const MemoryReader& memory;  // of `modules` when there are some, else of the image
};

HeapInput heap_input(const ProcessImage& image, const ModuleSet& modules);

// All allocators that show themselves in the process; none when none does. `input` and what it
// refers to must outlive them.
std::vector<std::unique_ptr<Allocator>> recognise(const HeapInput& input);

// Allocators that the process uses or has loaded, but that cannot be walked: a phrase each.
std::vector<std::string> unread_allocators(const HeapInput& input,
                                           std::span<const std::unique_ptr<Allocator>> recognised);

// The longest list, in entries, that is believed not to be a circle.
inline constexpr uint64_t kMaxHeapList = uint64_t{1} << 24;
// Damage beyond this many finds is only counted.
inline constexpr size_t kMaxHeapDamage = 64;

}  // namespace inquest::process
