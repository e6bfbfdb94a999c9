// Where `inquest run` keeps crashes: the vault, or a directory of plain files.
#pragma once

#include <string>

#include "base/result.h"
#include "capture/record/capture.h"
#include "capture/record/remote_memory.h"
#include "cli/crash_analysis.h"
#include "vault/vault.h"

namespace inquest::cli {

// What the vault is told of a crash, but for what the analysis finds.
vault::CaseHeader header_of(const capture::Captured& captured);

// The parts of a case in the vault that both `run` and `collect` write. keep_report() ends the
// case.
Status keep_slim(vault::Vault& vault, const std::string& id, ByteView record);
Status keep_report(vault::Vault& vault, const std::string& id, const CrashExplanation& found);
inline constexpr char kFullName[] = "core";

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
  Status keep_report(const std::string& id, const CrashExplanation& found) const;

 private:
  std::string output_, vault_;
};

}  // namespace inquest::cli
