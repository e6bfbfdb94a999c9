// Where pointers into the heap may stand: registers, stacks, globals and everything else that is
// writable and no heap. Conservative: a number that looks like a pointer counts as one.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "process/heap/heap.h"

namespace inquest::process {

struct Root {
  enum class Kind : uint8_t { kStack, kGlobal, kOther, kHeap };
  Kind kind = Kind::kOther;
  AddressRange range;
  size_t thread = 0;               // kStack: index into ProcessImage::threads
  const Module* module = nullptr;  // kGlobal
};

// All writable memory outside `heap` (sorted ranges), each stack from its pointer on.
std::vector<Root> find_roots(const HeapInput& input, std::span<const AddressRange> heap);

// Calls `visit(at, value)` for each aligned word of `range` whose value lies in `target`. Memory
// that is not there is passed over. Reads at about the speed of memory.
void scan_words(const MemoryReader& memory, AddressRange range, AddressRange target,
                const std::function<void(Address at, uint64_t value)>& visit);

// Who points into one block.
struct Reference {
  Root::Kind kind = Root::Kind::kOther;
  std::string register_name;  // of thread `thread`, when it is a register
  Address at;                 // of the pointer, when it is in memory
  Address to;
  size_t thread = 0;
  const Module* module = nullptr;
};

struct ReferenceSearch {
  AddressRange target;
  std::vector<AddressRange> heap;       // searched too, unless it is larger than max_heap_bytes
  std::vector<AddressRange> records{};  // of allocators: not searched
  // The same bound holds for memory that is neither stack nor module.
  uint64_t max_heap_bytes = uint64_t{256} << 20;
  size_t max_found = 64;
};

struct References {
  std::vector<Reference> found;  // registers, stacks, globals, other memory, heap
  bool heap_searched = true;
  bool all_searched = true;  // the heap and all other memory
  bool cut = false;          // there were more than max_found
};

References find_references(const HeapInput& input, const ReferenceSearch& search);

}  // namespace inquest::process
