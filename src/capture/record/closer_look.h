// The second half of a capture: what only the analysis knows to look for is added, and what the
// program keeps out of dumps is taken away again. Each capture has to be ended by one of the two.
#pragma once

#include <chrono>
#include <string>

#include "capture/record/analysis.h"
#include "capture/record/capture.h"

namespace inquest::capture {

struct LookOptions {
  Analyse analyse;                        // empty: none
  std::chrono::milliseconds budget{150};  // for the analysis of a held process; 0: no analysis
  // For that of a copy, for which nobody waits.
  std::chrono::milliseconds copy_budget{10'000};
  uint32_t max_pages = 16384;  // that the analysis may add
  // How long the kernel may take to say which mappings of a held process are not to be dumped: it
  // looks at each page.
  std::chrono::milliseconds flags_budget{250};
};

// `process` is held until this returns. Flags of mappings that `captured` has are taken for all
// that there are; else the kernel is asked. `why_not`: why the analysis is not worth its time;
// empty: it is.
void look_at_held(const Proc& process, const LookOptions& options, std::string why_not,
                  Captured& captured);

// `copy` was forked from the process while it was held, and stands still; `memory` is its memory.
// The process itself may be gone.
void look_at_copy(const Proc& copy, const RemoteMemory& memory, const LookOptions& options,
                  std::string why_not, Captured& captured);

}  // namespace inquest::capture
