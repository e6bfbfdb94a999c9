// CPython 3.6 to 3.14 as a Runtime.
#pragma once

#include <memory>
#include <vector>

#include "process/modules/modules.h"
#include "process/runtime/runtime.h"

namespace inquest::process::cpython {

struct Recognised {
  std::unique_ptr<Runtime> runtime;  // nullptr: there is none, or it cannot be read
  std::vector<Note> notes;           // then why; empty when no CPython is loaded
};

// `image` and `modules` must outlive the runtime.
Recognised recognise(const ProcessImage& image, const ModuleSet& modules);

}  // namespace inquest::process::cpython
