#include "diagnosis/text/formats.h"

#include <array>

#include "diagnosis/text/checker_formats.h"

namespace inquest::diagnosis {

std::span<const Format* const> formats() {
  // A line may begin reports of several formats: the more telling one stands first.
  static constexpr std::array kFormats = {
      &kOomKill,     &kSanitizer, &kUndefinedBehavior, &kValgrind,
      &kValgrindXml, &kCentipede, &kFailureSignal,     &kLastWords,
  };
  return kFormats;
}

}  // namespace inquest::diagnosis
