// What a JavaScript function was called with: `this` and the arguments, which lie above its frame.
#pragma once

#include <optional>
#include <vector>

#include "process/runtime/runtime.h"
#include "process/runtime/v8/functions.h"
#include "process/runtime/v8/values.h"

namespace inquest::process::v8 {

// `this` of the function that has the frame at `fp`.
std::optional<Word> receiver_at(const Heap& heap, Address fp, const Function& function);
// Those of the function that has the frame at `fp`, `this` first where it is an object. Parameters
// that got no argument are undefined. Optimised code may have assigned to a parameter since: then
// what is told is what it was called with.
std::vector<RuntimeVariable> arguments_at(const Heap& heap, const Functions& functions,
                                          Values& values, Address fp, const Function& function);

}  // namespace inquest::process::v8
