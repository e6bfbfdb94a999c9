// What is known of the heap around a crash: from a heap walker, or told by a sanitizer or valgrind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "diagnosis/facts/stack_facts.h"

namespace inquest::diagnosis {

// One allocation, as seen from one address.
struct AllocationFact {
  enum class State : uint8_t { kUnknown, kLive, kFreed };
  std::string of;  // whose value the address is: "fault address", "rdi", "free()'s argument"
  Address address;
  State state = State::kUnknown;
  Address start;       // of the memory that malloc() returned
  uint64_t size = 0;   // bytes: as asked for when a sanitizer says so, else usable
  int64_t offset = 0;  // address - start; negative or >= size when it lies outside
  // Bytes of a freed block, from its start, in which the allocator keeps links.
  uint64_t link_size = 16;
  bool proven = true;                    // false: told by the block's surroundings only
  std::optional<uint64_t> bad_value_at;  // where in it the value stands that made the access fail
  std::string place;    // where the allocator keeps it: "thread 3's tcache bin for 0x90 bytes"
  std::string type;     // of the object: "shop::Order"; empty when unknown
  std::string type_by;  // how it is known: "vtable", "typed pointer `order`", "std::string storage"
  std::string before, behind;           // its neighbours, one phrase each; empty when unknown
  std::optional<StackFacts> allocated;  // who allocated it
  std::optional<StackFacts> freed;      // who freed it
  std::vector<std::string> pointed_by;  // "`cart` in checkout()", "8 bytes at 0x…"
  std::string statement;                // one sentence
  std::vector<Evidence> evidence;
};
std::string_view to_string(AllocationFact::State state);

// Damage to the allocator's own data.
struct HeapDamageFact {
  Address at;               // the first byte known to be wrong
  bool after_free = false;  // it is a freed block that was written to, or is free twice
  std::string what;         // "size field of the chunk at 0x…: 0x41414141"
  std::string
      overflown;  // the allocation before it that likely ran over; empty when none stands out
  Fact fact;
};

struct HeapFacts {
  std::string allocator;  // "glibc malloc 2.36", "AddressSanitizer"; empty: none recognised
  std::vector<AllocationFact> allocations;
  std::vector<HeapDamageFact> damage;
  // The process died in the allocator, which says nothing by itself: how that is known. Empty: it
  // did not.
  std::string stop;
  std::optional<size_t> refused;  // then: of `allocations`, the one that free() had been given
  // Then: a pointer that free() had been given and that lies in no block.
  std::optional<Fact> foreign;
  std::vector<std::string> notes;  // what could not be read, and why
};

}  // namespace inquest::diagnosis
