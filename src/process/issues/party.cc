#include "process/issues/party.h"

namespace inquest::issues {

std::string_view to_string(Party party) {
  switch (party) {
    case Party::kUnknown:
      return "unknown";
    case Party::kProgram:
      return "program";
    case Party::kNativeAddOn:
      return "native-add-on";
    case Party::kLibrary:
      return "library";
    case Party::kMisuse:
      return "misuse";
    case Party::kRunTime:
      return "run-time";
  }
  return "unknown";
}

}  // namespace inquest::issues
