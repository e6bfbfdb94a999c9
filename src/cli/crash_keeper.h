// Where `inquest run` keeps crashes: the vault, or a directory of plain files.
#pragma once

#include <string>

#include "base/result.h"
#include "capture/supervise/crash_jobs.h"
#include "vault/case.h"

namespace inquest::cli {

// What the vault is told of a crash, but for what the analysis finds.
vault::CaseHeader header_of(const capture::Captured& captured);

class CrashKeeper {
 public:
  // `output`: a directory for files; empty: `vault` (empty: the default one).
  CrashKeeper(std::string output, std::string vault);

  // An error when there is no place at all: no home, and none was named.
  Status check() const;
  Result<std::string> keep(ByteView record, const capture::Captured& captured) const;
  Status keep_full(const std::string& id, const capture::Captured& captured,
                   const capture::RemoteMemory& memory) const;
  // Adds what the analysis found.
  Status keep_report(const capture::CrashOutcome& outcome, const std::string& headline) const;

 private:
  std::string output_, vault_;
};

}  // namespace inquest::cli
