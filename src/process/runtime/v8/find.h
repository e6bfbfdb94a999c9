// Which V8 this process runs, and how it keeps things.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "process/modules/modules.h"
#include "process/runtime/v8/layout.h"

namespace inquest::process::v8 {

struct Found {
  const Module* module = nullptr;
  Layout layout;
  ByteView constants;  // of the module: its read-only data
  std::string name;    // "Node.js 24.22.3 (V8 13.6.233.17)"
  std::string how;     // "the symbols v8dbg_* of node"
};

// kNotFound with an empty message: no V8 is loaded. Else why it cannot be read.
Result<Found> find(const ModuleSet& modules);

}  // namespace inquest::process::v8
