#include "diagnosis/text/runtime_formats.h"

#include <array>

namespace inquest::diagnosis {

std::span<const Format* const> runtime_formats() {
  // The more telling one first: gdb's frames stand in many texts, a traceback in many logs.
  static constexpr std::array kFormats = {
      &kRustPanic,     &kGoCrash,           &kPythonFatal,      &kNodeReport,
      &kNodeFatal,     &kV8Fatal,           &kBunCrash,         &kSegfaultHandler,
      &kJavaFatal,     &kAndroidTombstone,  &kRubyBug,          &kPhpFatal,
      &kDotNetFatal,   &kAppleCrash,        &kWindowsException, &kLldb,
      &kGdb,           &kSignalHandlerText, &kJavaException,    &kJavaScriptException,
      &kRubyException, &kPythonTraceback,
  };
  return kFormats;
}

}  // namespace inquest::diagnosis
