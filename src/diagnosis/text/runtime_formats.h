// The formats of language runtimes and debuggers; one file each.
#pragma once

#include "diagnosis/text/format.h"

namespace inquest::diagnosis {

extern const Format kRustPanic;
extern const Format kGoCrash;
extern const Format kPythonFatal, kPythonTraceback;
extern const Format kNodeFatal, kV8Fatal, kJavaScriptException, kNodeReport, kSegfaultHandler;
extern const Format kInquestLog;
extern const Format kBunCrash;
extern const Format kJavaFatal, kJavaException;
extern const Format kGdb, kLldb;
extern const Format kAndroidTombstone, kAppleCrash, kWindowsException;
extern const Format kRubyBug, kRubyException, kPhpFatal, kDotNetFatal;
extern const Format kSignalHandlerText;

}  // namespace inquest::diagnosis
