// The full core of a process that is held (a snapshot, as a rule): all memory that the kernel would
// dump, written piece by piece, pages that were never touched left out as holes.
#pragma once

#include <cstdint>
#include <functional>

#include "capture/record/capture.h"
#include "capture/record/remote_memory.h"

namespace inquest::capture {

// Where the bytes go, in order.
class CoreSink {
 public:
  virtual ~CoreSink() = default;
  virtual Status append(ByteView bytes) = 0;
  virtual Status skip(uint64_t size) = 0;  // a hole
  virtual Status begin_segment() = 0;      // what follows may be equal elsewhere
};

struct FullCore {
  uint64_t written = 0;     // bytes of memory
  uint64_t unreadable = 0;  // pages that should be there and could not be read; they are holes
};

// `captured`: what was captured of the process before; its threads and notes go into the core.
// `memory`: of the process or its snapshot, whose mappings are the same. kUnavailable when that
// ends meanwhile: what was written is no core then.
Result<FullCore> write_full_core(const Captured& captured, const RemoteMemory& memory,
                                 CoreSink& sink);

}  // namespace inquest::capture
