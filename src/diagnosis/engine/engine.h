// diagnose(): from a file to a verdict.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "diagnosis/facts/facts.h"
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

struct Diagnosis {
  process::ProcessImage image;
  Facts facts;
  Verdict verdict;
};

Result<Diagnosis> diagnose(const DiagnoseOptions& options);

}  // namespace inquest::diagnosis
