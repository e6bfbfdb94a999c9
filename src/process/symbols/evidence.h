// Evidence: what every question about variables is answered from. One per VariableReader.
#pragma once

#include "process/flow/function_codes.h"
#include "process/image/process_image.h"
#include "process/modules/modules.h"
#include "process/symbols/code_names.h"
#include "process/symbols/debug_files.h"

namespace inquest::process {

struct Evidence {
  const ProcessImage& image;
  const ModuleSet& modules;
  const MemoryReader& memory;  // modules.memory()
  DebugFiles files;
  CodeNames names;
  FunctionCodes codes;

  // `shared` may be nullptr: then debug information is opened anew.
  Evidence(const ProcessImage& of, const ModuleSet& set, DebugInfos* shared)
      : image(of),
        modules(set),
        memory(set.memory()),
        files(shared),
        names(of, set, files),
        codes(of.arch, set.memory()) {}
  Evidence(const Evidence&) = delete;
  Evidence& operator=(const Evidence&) = delete;
};

}  // namespace inquest::process
