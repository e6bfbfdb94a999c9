// Leases: who is looking at a case, or writing it. One file of locks (F_OFD_SETLK), a byte a case:
// a lease needs no room, and ends with its holder.
#pragma once

#include <chrono>

#include "platform/os/fs.h"
#include "vault/case.h"

namespace inquest::vault {

class Leases {
 public:
  static Result<Leases> open(os::Fs& fs, int directory, bool create,
                             std::chrono::milliseconds patience);

  // Shared by any number. Waits while evidence of the case is being given up,
  // with patience.
  Result<os::Fd> hold(const CaseId& id) const;
  // The one who gives evidence up; kUnavailable when somebody holds the case.
  Result<os::Fd> exclude(const CaseId& id) const;
  bool is_held(const CaseId& id) const;

 private:
  Leases(os::Fs& fs, int directory, std::chrono::milliseconds patience)
      : fs_(&fs), directory_(directory), patience_(patience) {}
  Result<os::Fd> lock(const CaseId& id, short type, std::chrono::milliseconds patience) const;

  os::Fs* fs_;
  int directory_;
  std::chrono::milliseconds patience_;
};

}  // namespace inquest::vault
