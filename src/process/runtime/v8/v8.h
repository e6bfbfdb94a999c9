// V8 of Node.js 12 to 26 as a Runtime: the functions, scripts, lines and columns of JavaScript, of
// interpreted, baseline (Sparkplug) and optimised (Maglev, TurboFan) code.
//
// All that it knows of a version it has from that version's own description (metadata.h), which
// every Node.js exports; it checks the type of each object that it reads. Needed is the binary that
// ran, not its debug information.
#pragma once

#include <string_view>

#include "process/modules/modules.h"
#include "process/runtime/runtime.h"

namespace inquest::process::v8 {

// `image` and `modules` must outlive the runtime.
RecognisedRuntime recognise(const ProcessImage& image, const ModuleSet& modules);
// Is this a function of V8 in which a process ends that is asked to end for an exception that
// nothing catches (--abort-on-uncaught-exception)?
bool throws_exception(std::string_view function);

}  // namespace inquest::process::v8
