// System calls made by a stopped thread of another process: its registers are set to a `syscall`
// instruction of the vdso, one step is made, and the registers are put back.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/result.h"
#include "capture/record/capture.h"

namespace inquest::capture {

class Injector {
 public:
  // `captured` holds the vdso; `tid` stands at the delivery of a signal. Errors say why it cannot
  // be done: a seccomp filter might kill the process for the call, there is no vdso.
  static Result<Injector> create(const Captured& captured, pid_t tid);

  // What the call returned; an error when the step did not come to its end. The signal at which the
  // thread stood is gone then: it has to be given to it again.
  Result<int64_t> call(int64_t number, const std::array<uint64_t, 6>& arguments) const;

  // The child of the last call that was a clone, as we number it.
  std::optional<pid_t> last_child() const { return last_child_; }

 private:
  Injector(pid_t tid, Address instruction) : tid_(tid), instruction_(instruction) {}
  pid_t tid_;
  Address instruction_;
  mutable std::optional<pid_t> last_child_;
};

// Ranges, ends included, of all descriptors from `first` on but those in `kept`, which is sorted.
std::vector<std::pair<uint32_t, uint32_t>> descriptors_but(uint32_t first,
                                                           const std::vector<int>& kept);

}  // namespace inquest::capture
