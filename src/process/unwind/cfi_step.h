// One step by call frame information: the registers of the caller, from those of the callee and a
// row.
#pragma once

#include <optional>

#include "binary/isa/registers.h"
#include "process/unwind/code_sites.h"
#include "process/unwind/stack_words.h"

namespace inquest::process {

struct CfiStep {
  enum class Outcome : uint8_t {
    kCaller,
    kOutermost,  // the return address is undefined: there is no caller
    kMissing,    // what the row needs is not in the dump: see `missing_at`
    kFailed,     // a register that the row needs is unknown, or an expression has no value
  };
  Outcome outcome = Outcome::kFailed;
  std::optional<Address> cfa;
  std::optional<Address> return_slot;  // where the return address stood, when in memory
  uint64_t raw_return = 0;             // as it stood there
  Address missing_at;
};

// `site.has_row` must hold. `interrupted`: the callee did not call when it stopped, so that
// AArch64's x30 may still hold its return address. Fills *caller when the outcome is kCaller: pc,
// sp, and what the row or the calling convention preserves; all else is unknown.
CfiStep step_by_cfi(const CodeSite& site, const isa::RegisterFile& callee, bool interrupted,
                    CodeSites& sites, StackWords& stack, isa::RegisterFile* caller);

}  // namespace inquest::process
