// Where CPython keeps its state in this process, and which version it is.
#pragma once

#include <optional>
#include <string>

#include "base/address.h"
#include "base/result.h"
#include "process/image/process_image.h"
#include "process/modules/modules.h"
#include "process/runtime/cpython/layout.h"

namespace inquest::process::cpython {

struct Found {
  Version version;
  Layout layout;
  std::optional<Address> runtime;         // _PyRuntime; none in 3.6, nor when found by a scan
  Address interpreters;                   // the word that points to the first PyInterpreterState
  std::optional<Address> current_thread;  // the word that points to the thread that holds the lock
  std::string how;                        // "the symbol _PyRuntime of python3.11"
};

// Bytes of a module's data that are scanned when no symbol tells.
inline constexpr uint64_t kMaxScanned = 16 << 20;

// kNotFound with an empty message: no CPython is loaded. Else why it cannot be read.
Result<Found> find(const ProcessImage& image, const ModuleSet& modules);

}  // namespace inquest::process::cpython
