#include "diagnosis/text/formats.h"

#include <array>

#include "diagnosis/text/checker_formats.h"

namespace inquest::diagnosis {

std::span<const Format* const> formats() {
  // A line may begin reports of several formats: the more telling one stands first.
  static constexpr std::array kFormats = {
      &kKernelFault, &kFatalSignal,     &kAbnormalEnd, &kKernelSuppressed,  &kOomKill,
      &kUserOom,     &kCoredumpMessage, &kSanitizer,   &kUndefinedBehavior, &kValgrind,
      &kValgrindXml, &kFailureSignal,   &kLastWords,   &kSupervisor,
  };
  return kFormats;
}

}  // namespace inquest::diagnosis
