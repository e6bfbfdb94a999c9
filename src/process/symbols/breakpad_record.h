// A FunctionRecord out of a Breakpad symbol file.
#pragma once

#include <optional>

#include "process/modules/modules.h"
#include "process/symbols/function_record.h"

namespace inquest::process {

// At a link-time address; nullopt when the module has no symbol file or it knows nothing there. Of
// a large function, what stands at this address alone.
std::optional<FunctionRecord> record_of_breakpad(const Module& module, uint64_t pc);

}  // namespace inquest::process
