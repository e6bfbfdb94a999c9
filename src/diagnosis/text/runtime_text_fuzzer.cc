// Hostile logs: every format of language runtimes and debuggers, by the scanner and without it, and
// Bun's trace strings.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "diagnosis/text/bun_trace_string.h"
#include "diagnosis/text/runtime_formats.h"
#include "diagnosis/text/scanner.h"

namespace {

using namespace inquest::diagnosis;

constexpr const Format* kFormats[] = {
    &kRustPanic,     &kGoCrash,           &kPythonFatal,      &kNodeReport,
    &kNodeFatal,     &kV8Fatal,           &kBunCrash,         &kSegfaultHandler,
    &kJavaFatal,     &kAndroidTombstone,  &kRubyBug,          &kPhpFatal,
    &kDotNetFatal,   &kAppleCrash,        &kWindowsException, &kLldb,
    &kGdb,           &kSignalHandlerText, &kJavaException,    &kJavaScriptException,
    &kRubyException, &kPythonTraceback};

void check(const TextReport& report, size_t taken, size_t available) {
  INQ_CHECK(taken <= available);
  const Facts& facts = report.facts;
  INQ_CHECK(facts.crash_frame == 0 || facts.crash_frame < facts.crashing.frames.size());
  if (facts.user_frame) {
    INQ_CHECK(*facts.user_frame < facts.crashing.frames.size());
    const FrameFact& frame = facts.crashing.frames[*facts.user_frame];
    INQ_CHECK(facts.user_function && *facts.user_function < frame.functions.size());
  }
  for (const FrameFact& frame : facts.crashing.frames) INQ_CHECK(!frame.functions.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);  // NOLINT
  std::vector<TextLine> lines;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back({text.substr(at, end - at), {}, static_cast<uint32_t>(lines.size() + 1)});
    at = end + 1;
  }
  for (const Format* format : kFormats) {
    TextReport report;
    check(report, format->read(lines, report), lines.size());
  }
  for (const TextReport& report : read_reports(text, {}, kFormats).reports)
    check(report, report.last_line - report.first_line, lines.size());
  parse_bun_trace(text);
  return 0;
}
