#include "diagnosis/text/formats.h"

#include <array>

#include "diagnosis/text/checker_formats.h"
#include "diagnosis/text/runtime_formats.h"

namespace inquest::diagnosis {

std::span<const Format* const> formats() {
  // A line may begin reports of several formats: the more telling one stands first.
  static constexpr std::array kFormats = {
      &kKernelFault,
      &kKernelOops,
      &kFatalSignal,
      &kKernelSuppressed,
      &kOomKill,
      &kUserOom,
      &kCoredumpMessage,
      &kDetector,
      &kSanitizer,
      &kUndefinedBehavior,
      &kValgrind,
      &kValgrindXml,
      &kCentipede,
      &kRustPanic,
      &kGoCrash,
      &kPythonFatal,
      &kNodeReport,
      &kNodeFatal,
      &kV8Fatal,
      &kBunCrash,
      &kInquestLog,
      &kSegfaultHandler,
      &kJavaFatal,
      &kAndroidTombstone,
      &kRubyBug,
      &kPhpFatal,
      &kDotNetFatal,
      &kAppleCrash,
      &kWindowsException,
      &kFailureSignal,
      &kLastWords,
      // Their frames stand in many texts,
      &kLldb,
      &kGdb,
      &kSignalHandlerText,
      // and these in many logs of programs that went on.
      &kJavaException,
      &kJavaScriptException,
      &kRubyException,
      &kPythonTraceback,
      // Lines that say no more than that something died.
      &kAbnormalEnd,
      &kSupervisor,
  };
  return kFormats;
}

}  // namespace inquest::diagnosis
