// Constant arguments of a call, read from the code before it: texts, source locations and numbers
// that the compiler put into registers right before `abort_with("message", &LOCATION)`. Needs no
// debug information.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "binary/isa/decode.h"
#include "process/image/process_image.h"
#include "process/modules/modules.h"
#include "process/symbols/symbols.h"
#include "process/unwind/frame.h"

namespace inquest::diagnosis {

inline constexpr unsigned kRegisterArguments = 6;

struct CallArguments {
  std::array<std::optional<uint64_t>, kRegisterArguments> values;  // nullopt: not a constant
};

// Of the call that ends at `return_pc`; all nullopt when the code is missing.
CallArguments constant_arguments(const process::ModuleSet& modules, process::Symbolizer& symbols,
                                 isa::Arch arch, Address return_pc);

// Addresses of data that the last kCodeWindow bytes of code before `pc` refer to, nearest first.
std::vector<Address> nearby_references(const process::ModuleSet& modules, isa::Arch arch,
                                       Address pc);
inline constexpr uint64_t kCodeWindow = 256;

}  // namespace inquest::diagnosis
