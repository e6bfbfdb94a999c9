// Steps without call frame information: by the frame pointer, by the code around pc, by the link
// register.
#pragma once

#include <optional>

#include "process/unwind/code_sites.h"
#include "process/unwind/frame.h"
#include "process/unwind/stack_words.h"

namespace inquest::process {

// A frame is taken to be no larger than this; the default stack is 8 MiB.
inline constexpr uint64_t kMaxFrameSize = uint64_t{8} << 20;

struct GuessedCaller {
  isa::RegisterFile registers;
  std::optional<Address> cfa;  // of the callee
  Address floor;               // the caller's sp is not below this
  FoundBy how = FoundBy::kFramePointer;
  Trust trust = Trust::kMedium;
  bool follows_no_call = false;  // its pc is where code begins: a run time wrote it there
};

// The record that rbp or x29 points at: the caller's frame pointer, and a return address behind a
// call. `floor`: the record cannot be below it. nullopt when it is no such record.
std::optional<GuessedCaller> caller_by_frame_pointer(const isa::RegisterFile& callee, Address floor,
                                                     CodeSites& sites, StackWords& stack);

// x86-64: where the return address of the code interrupted at `callee.pc()` stands, when the
// instructions there show it: at a function's start and at its end. It need not hold a good one.
std::optional<Address> return_slot_by_code(const isa::RegisterFile& callee,
                                           const MemoryReader& memory);

// For code that was interrupted at `callee.pc()`: before or after its frame stands, or where it has
// none. Looks at the instructions there, and on AArch64 at the link register. nullopt when they say
// nothing.
std::optional<GuessedCaller> caller_by_code(const isa::RegisterFile& callee, CodeSites& sites,
                                            StackWords& stack);

}  // namespace inquest::process
