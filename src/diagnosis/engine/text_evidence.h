// Diagnoses of crashes that a text tells of.
#pragma once

#include "base/result.h"
#include "diagnosis/engine/engine.h"
#include "process/input/load.h"

namespace inquest::diagnosis {

Result<Diagnoses> diagnose_text(const process::Input& input, const DiagnoseOptions& options);

}  // namespace inquest::diagnosis
