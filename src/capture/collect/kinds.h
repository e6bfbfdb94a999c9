// Kinds: what happened to each kind of crash so far, in one small file that all collectors of a
// host share. Not evidence: losing it means only that a known kind is kept in full once more.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "capture/collect/policy.h"
#include "platform/os/fd.h"

namespace inquest::capture {

class Kinds {
 public:
  static constexpr size_t kMaxKinds = 4096;  // the one not seen for longest makes room

  // Opens or makes the file; a damaged one is begun anew.
  static Result<Kinds> open(const std::string& path);

  // Decides for one crash and notes what was decided, as one step against other processes.
  Result<Decision> note(uint64_t kind, int64_t now_ns,
                        const std::function<Decision(const std::optional<KindHistory>&)>& decide);

 private:
  explicit Kinds(os::Fd file) : file_(std::move(file)) {}
  os::Fd file_;
};

}  // namespace inquest::capture
