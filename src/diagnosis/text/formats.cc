#include "diagnosis/text/formats.h"

#include <array>

namespace inquest::diagnosis {

std::span<const Format* const> formats() {
  // A line may begin reports of several formats: the more telling one stands first.
  static constexpr std::array kFormats = {
      &kKernelFault, &kFatalSignal, &kAbnormalEnd,     &kKernelSuppressed,
      &kOomKill,     &kUserOom,     &kCoredumpMessage, &kSupervisor,
  };
  return kFormats;
}

}  // namespace inquest::diagnosis
