// The analysis of a case in a worker, for commands that need more of it than one printed report.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/case_files.h"
#include "diagnosis/engine/engine.h"
#include "vault/case.h"

namespace inquest::cli {

struct CaseAnalysis {
  std::string html, text, json;
  vault::CaseHeader header;  // what the evidence tells of it; time, host and the like are not set
  // Binaries and debug files that are the very ones: where they belong below a sysroot, and where
  // they are.
  std::vector<std::pair<std::string, std::string>> files;
};

// Reads options.input, which is hostile, in a worker. nullopt after saying why it could not be
// done. The symbol index is used as `inquest explain` does.
std::optional<CaseAnalysis> analyse(diagnosis::DiagnoseOptions options);

// Only the file that is the program of a case that was checked out; empty when it was not found.
// Likewise.
std::optional<std::string> find_program(const CaseFiles& files, const std::string& name,
                                        const process::ModuleOptions& modules);

}  // namespace inquest::cli
