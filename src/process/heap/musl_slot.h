// One slot of a group of musl's mallocng, read from its in-band header: what block it holds, how
// many bytes were asked for, and whether what stands around the block is as the allocator left it.
//
// A slot runs from the group's header (or the check byte and header of the slot before) to its own
// check byte. The block may start some units into it: the allocator moves it from use to use.
#pragma once

#include "process/heap/musl_context.h"
#include "process/heap/words.h"

namespace inquest::process::musl {

struct Slot {
  enum class Fault : uint8_t {
    kNone,
    kHeader,     // its header is not what malloc() or free() wrote there
    kSizeEnd,    // the byte behind the block is not zero
    kReserve,    // the count of spare bytes at its end makes no sense
    kCheckByte,  // the byte behind the slot is not zero
    kAbsent,     // not in the core
  };

  Address start, end;             // usable bytes, when the block starts at the front
  Block block;                    // place is not set
  bool size_known = true;         // block.size is what was asked for
  std::optional<Address> nested;  // the slot holds this group instead of a block
  Fault fault = Fault::kNone;
  Address wrong;  // the first byte that is
};

// `active`: the last slot that was ever made ready to be handed out.
Slot read_slot(Words& words, const Meta& meta, uint32_t index, uint32_t active);

}  // namespace inquest::process::musl
