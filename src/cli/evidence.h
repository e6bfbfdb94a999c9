// What the commands that read evidence have in common: their options, and how they end.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "diagnosis/engine/engine.h"

namespace CLI {
class App;
}

namespace inquest::cli {

// Where the symbol index is kept; empty when there is no home for it.
std::string default_symbol_cache();

// The file of known issues that came with the program, the user's, and the one that the environment
// names (docs/formats/known-issues.md).
std::vector<std::string> default_known_issues();

// INPUT, the options that name files, --thread and --no-cache.
void add_evidence_options(CLI::App& command, diagnosis::DiagnoseOptions& options);

// Only those that name files.
void add_file_options(CLI::App& command, process::ModuleOptions& modules);

// What was diagnosed, as what is rendered.
diagnosis::ReportSet report_set(diagnosis::Diagnoses diagnoses, bool full);

// Standard output gets all of it or an error is said; the exit code.
int print(const std::string& text);
// Says the error, unless its message is empty: then it was said already. The exit code.
int refuse(const Error& error);

}  // namespace inquest::cli
