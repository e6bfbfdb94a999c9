// The process as a whole: who it was, which language and run-time it ran, which binaries it had
// loaded.
#pragma once

#include <string>
#include <vector>

#include "diagnosis/facts/facts.h"
#include "process/image/process_image.h"
#include "process/modules/modules.h"

namespace inquest::diagnosis {

// Modules whose files are looked for when no frame lies in them; beyond it only those of the
// crashing stack are.
inline constexpr size_t kMaxModulesLookedFor = 256;

ProcessFacts describe_process(const process::ProcessImage& image,
                              const process::ModuleSet& modules);
// "C", "C++", "Rust", "Go", "Python", "unknown": of the crashing user frame.
std::string language_of(const Facts& facts);

std::vector<ModuleFact> describe_modules(const process::ModuleSet& modules,
                                         const StackFacts& crashing);
// Another build on disk than the one that ran; two versions of one library loaded.
std::vector<Fact> find_inconsistent_modules(const process::ModuleSet& modules,
                                            const std::vector<ModuleFact>& facts);

// What the debug information that was opened lacks (split units that were not found).
void add_missing_debug_information(const std::vector<std::string>& notes, Facts& facts);

// Fills Facts::missing and Facts::advice, in step.
void add_missing(const process::ProcessImage& image, const process::ModuleSet& modules,
                 Facts& facts);

}  // namespace inquest::diagnosis
