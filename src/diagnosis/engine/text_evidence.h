// Diagnoses of crashes that a text tells of.
#pragma once

#include "base/result.h"
#include "diagnosis/engine/engine.h"
#include "process/input/load.h"

namespace inquest::diagnosis {

// The facts of a process, through all stages but the verdict.
Result<Facts> facts_of(const process::ProcessImage& image, const DiagnoseOptions& options);

Result<Diagnoses> diagnose_text(const process::Input& input, const DiagnoseOptions& options);

}  // namespace inquest::diagnosis
