// CPython 3.6 to 3.15 as a Runtime.
#pragma once

#include "process/modules/modules.h"
#include "process/runtime/runtime.h"

namespace inquest::process::cpython {

// `image` and `modules` must outlive the runtime.
RecognisedRuntime recognise(const ProcessImage& image, const ModuleSet& modules);

}  // namespace inquest::process::cpython
