// diagnose(): from a file to verdicts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "diagnosis/facts/facts.h"
#include "diagnosis/report/report.h"
#include "diagnosis/signature/signature.h"
#include "diagnosis/verdict/verdict.h"
#include "process/image/process_image.h"
#include "process/modules/modules.h"

namespace inquest::diagnosis {

struct DiagnoseOptions {
  std::string input;  // a path, or "-" for standard input
  // What reports call the input, and what suggested commands name; empty: its path.
  std::string input_name;
  // Files of the crashed system that came with the input: the sysroot when none was chosen.
  std::string input_root;
  process::ModuleOptions modules;
  std::string symbol_cache_dir;   // empty: none
  std::optional<int32_t> thread;  // explain this thread instead of the one that crashed
  bool full = false;              // values of all frames, sources of all frames
  bool all_threads = true;
  bool packages = true;  // ask what package managers left on disk whose the files are
  // Files of known issues, the more general first; those that are not there are passed over.
  std::vector<std::string> known_issues;
};

struct Diagnosis {
  std::optional<process::ProcessImage> image;  // nullopt: the evidence holds no process
  Facts facts;
  Verdict verdict;
  Signature signature;
  std::optional<TextPlace> place_in_text;  // nullopt: the evidence is no text
};

struct Diagnoses {
  std::vector<Diagnosis> list;       // never empty; in the order of the evidence
  uint64_t not_kept = 0;             // crashes that a text holds over the limit
  uint64_t lines = 0;                // of the text
  std::vector<std::string> remarks;  // on the evidence as a whole
};

// One diagnosis for a core; for a text one for each crash that it tells of, those alike counted
// with the first. A text that tells of none is an error that says what was looked for.
Result<Diagnoses> diagnose(const DiagnoseOptions& options);

// The same for a process that is already an image, whoever made it.
Result<Diagnosis> diagnose_image(process::ProcessImage image, const DiagnoseOptions& options);

}  // namespace inquest::diagnosis
