// Leases: who is looking at a case, or writing it. One file of locks (F_OFD_SETLK), a byte a case:
// a lease needs no room, and ends with its holder.
#pragma once

#include "platform/os/fs.h"
#include "vault/case.h"

namespace inquest::vault {

class Leases {
 public:
  static Result<Leases> open(os::Fs& fs, int directory, bool create);

  // Shared by any number. Waits while evidence of the case is being given up.
  Result<os::Fd> hold(const CaseId& id) const;
  // The one who gives evidence up; kUnavailable when somebody holds the case.
  Result<os::Fd> exclude(const CaseId& id) const;
  bool is_held(const CaseId& id) const;

 private:
  Leases(os::Fs& fs, int directory) : fs_(&fs), directory_(directory) {}
  Result<os::Fd> lock(const CaseId& id, int command, short type) const;

  os::Fs* fs_;
  int directory_;
};

}  // namespace inquest::vault
