// The exception that V8 is about to end the process for.
#pragma once

#include <string>

#include "process/runtime/v8/functions.h"
#include "process/runtime/v8/heap.h"

namespace inquest::process::v8 {

// "TypeError: x is not a function": the one Error that the words of the stack from `low` to `high`
// lead to, by itself or through a handle. Empty when there is none, or more than one.
std::string thrown_between(const Heap& heap, const Functions& functions, Address low, Address high);

}  // namespace inquest::process::v8
