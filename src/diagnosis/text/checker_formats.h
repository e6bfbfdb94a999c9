// The formats of tools that check programs, and of programs that check themselves.
#pragma once

#include "diagnosis/text/format.h"

namespace inquest::diagnosis {

extern const Format kSanitizer;  // Address-, HWAddress-, Memory-, Thread-, LeakSanitizer, libFuzzer
extern const Format kUndefinedBehavior;  // UBSan's "runtime error:"
extern const Format kValgrind;           // memcheck, helgrind, DRD
extern const Format kValgrindXml;
extern const Format kLastWords;      // assertions, glibc's and the C++ library's last words
extern const Format kDetector;       // "===BUG DETECTED: …===" of detectors that fuzzers bring
extern const Format kCentipede;      // a fuzzer's limits on time, memory and stack
extern const Format kFailureSignal;  // the handlers of abseil, glog, boost, Chromium

}  // namespace inquest::diagnosis
