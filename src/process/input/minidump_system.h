// Which machine a minidump comes from, and whether it is one that we read.
#pragma once

#include <string>

#include "base/result.h"
#include "binary/isa/registers.h"
#include "process/input/minidump_file.h"

namespace inquest::process {

struct MinidumpSystem {
  isa::Arch arch = isa::Arch::kX86_64;
  std::string kernel;  // as uname tells it; may be empty
  bool is_android = false;
};

// The error names what it is instead: another system, another processor, no word of either.
Result<MinidumpSystem> read_minidump_system(const MinidumpFile& file);

}  // namespace inquest::process
