// Scanning a stack for return addresses: the last rung of the ladder, and how to tell good
// candidates from stale ones.
#pragma once

#include <optional>

#include "process/unwind/cfi_step.h"

namespace inquest::process {

inline constexpr size_t kScanWords = 40;           // after a frame that is itself a guess
inline constexpr size_t kScanWordsTrusted = 160;   // after one that is not
inline constexpr size_t kScanWordsCorrupt = 4096;  // over an overwritten part of the stack

// Further on, only words that more speaks for than the call before them.
inline constexpr size_t kScanWordsFurther = 2048;

struct ScanHit {
  Address slot;  // where the return address stands
  Address return_address;
  bool calls_callee = false;   // the call before it goes to the function that `callee_pc` is in
  bool leads_on = false;       // unwinding from there finds another return address
  bool is_trampoline = false;  // of a signal handler, whose frame follows
};

// Looks at `words` words from `from` on for one that points behind a call, or to what signal
// handlers return to. `callee_pc`: the code that must have been called, when that is known. Prefers
// calls of that very function, then such from which unwinding goes on.
std::optional<ScanHit> scan_for_return(Address from, size_t words, std::optional<Address> callee_pc,
                                       CodeSites& sites, StackWords& stack);

// Can `target` be the start of the function that `pc` is in?
bool may_be_start_of(Address target, Address pc, CodeSites& sites);

// The registers of a caller of which only its return address is known, that stands at `slot`. What
// stands before it is taken as its frame pointer when it can be one.
isa::RegisterFile registers_at_return(Address slot, Address return_address, CodeSites& sites,
                                      StackWords& stack);

}  // namespace inquest::process
