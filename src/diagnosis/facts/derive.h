// derive: everything that can be known about a crash, from the image of the process. The one door
// of this room.
#pragma once

#include <cstdint>
#include <optional>

#include "diagnosis/facts/facts.h"
#include "process/image/process_image.h"
#include "process/modules/modules.h"
#include "process/symbols/symbols.h"
#include "process/symbols/variables.h"
#include "process/unwind/unwind.h"

namespace inquest::diagnosis {

struct DeriveInput {
  const process::ProcessImage& image;
  const process::ModuleSet& modules;
  process::Unwinder& unwinder;
  process::Symbolizer& symbols;
  process::VariableReader* variables = nullptr;  // nullptr: no variables and no source expressions
  bool full = false;                             // variables and source for every frame
  std::optional<int32_t> thread;                 // look at this one instead of the one that crashed
  bool all_threads = false;                      // fill Facts::others
};

// Never fails: what could not be found out is absent and said in Facts::missing.
Facts derive(const DeriveInput& input);

}  // namespace inquest::diagnosis
