// diagnose(): from a file to verdicts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "diagnosis/facts/facts.h"
#include "diagnosis/signature/signature.h"
#include "diagnosis/verdict/verdict.h"
#include "process/image/process_image.h"
#include "process/modules/modules.h"

namespace inquest::diagnosis {

struct DiagnoseOptions {
  std::string input;  // a path, or "-" for standard input
  process::ModuleOptions modules;
  std::string symbol_cache_dir;   // empty: none
  std::optional<int32_t> thread;  // explain this thread instead of the one that crashed
  bool full = false;              // values of all frames, sources of all frames
  bool all_threads = true;
};

// Where in a text a crash is told of.
struct TextPlace {
  std::string format;                      // name of the diagnosis/text Format
  uint32_t first_line = 0, last_line = 0;  // from 1
};

struct Diagnosis {
  std::optional<process::ProcessImage> image;  // nullopt: the evidence holds no process
  Facts facts;
  Verdict verdict;
  Signature signature;
  std::optional<TextPlace> place_in_text;  // nullopt: the evidence is no text
};

struct Diagnoses {
  std::vector<Diagnosis> list;  // never empty; in the order of the evidence
  uint64_t not_kept = 0;        // crashes that a text holds over the limit
  uint64_t lines = 0;           // of the text
};

// One diagnosis for a core; for a text one for each crash that it tells of. A text that tells of
// none is an error that says what was looked for.
Result<Diagnoses> diagnose(const DiagnoseOptions& options);

}  // namespace inquest::diagnosis
