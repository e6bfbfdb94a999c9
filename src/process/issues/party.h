// Party: who is at fault.
#pragma once

#include <cstdint>
#include <string_view>

namespace inquest::issues {

enum class Party : uint8_t {
  kUnknown,
  kProgram,      // the program's own code
  kNativeAddOn,  // a native module that was added to a run time
  kLibrary,      // any other library
  kMisuse,       // internals of a run time were used in a way that they do not bear
  kRunTime,      // the run time itself
};
std::string_view to_string(Party party);  // "native-add-on": stable, in the JSON schema

}  // namespace inquest::issues
