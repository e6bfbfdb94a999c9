// The analysis of a case in a worker, for commands that need more of it than one printed report.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "diagnosis/engine/engine.h"
#include "vault/case.h"

namespace inquest::cli {

struct CaseAnalysis {
  std::string html, text, json;
  vault::CaseHeader header;  // what the evidence tells of it; time, host and the like are not set
  std::string executable;    // the file that is the program; empty when it was not found
  // Binaries and debug files that are the very ones: where they belong below a sysroot, and where
  // they are.
  std::vector<std::pair<std::string, std::string>> files;
};

// Reads options.input, which is hostile, in a worker. nullopt after saying why it could not be
// done.
std::optional<CaseAnalysis> analyse(const diagnosis::DiagnoseOptions& options);

}  // namespace inquest::cli
