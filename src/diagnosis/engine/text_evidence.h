// Diagnoses of crashes that a text tells of.
#pragma once

#include "base/result.h"
#include "diagnosis/engine/engine.h"
#include "diagnosis/facts/owners.h"
#include "process/input/load.h"
#include "process/issues/known_issues.h"

namespace inquest::diagnosis {

// The facts of a process, through all stages but the verdict.
Result<Facts> facts_of(const process::ProcessImage& image, const DiagnoseOptions& options);

// What the facts are held against.
struct Knowledge {
  std::optional<OwnerSources> owners;  // nullopt: not asked for
  issues::KnownIssues known;
};
Knowledge knowledge_of(const DiagnoseOptions& options, bool is_text);

// What follows from the facts: owners of the files, verdict and signature.
Diagnosis conclude(std::optional<process::ProcessImage> image, Facts facts, Knowledge& knowledge);

Result<Diagnoses> diagnose_text(const process::Input& input, const DiagnoseOptions& options);

}  // namespace inquest::diagnosis
