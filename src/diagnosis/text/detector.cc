// Detectors that fuzzers bring along: they watch for what a program must never do with the
// fuzzer's data, say so, and end the process.
//
//   ===BUG DETECTED: Arbitrary file open===            libFuzzer's or a sanitizer's report behind
//   it
//   ===BUG DETECTED: PySecSan: Command injection ===   a Python stack behind it
//   [PYSECSAN] Stacktrace:
//     File "app.py", line 25, in list_files
#include <algorithm>
#include <array>

#include "diagnosis/text/checker_formats.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/failure_signal.h"
#include "diagnosis/text/last_words.h"
#include "diagnosis/text/python_stack.h"
#include "diagnosis/text/runtime_stack.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr std::array<std::string_view, 1> kTriggers = {"===BUG DETECTED: "};
constexpr size_t kMaxHead = 12;  // lines between the words and a Python stack

// "PySecSan: Command injection" of the first line; empty when it is none.
std::string_view words_of(std::string_view text) {
  Words words(trim(text));
  if (!words.take("===BUG DETECTED: ")) return {};
  std::string_view found = trim(words.rest());
  while (found.ends_with('=')) found.remove_suffix(1);
  return trim(found);
}

// Returns the lines taken, 0 when no Python stack follows.
size_t take_python(TextLines lines, Facts& facts) {
  for (size_t at = 1; at < std::min(lines.size(), kMaxHead); ++at) {
    if (lines[at].text.find("Stacktrace:") == std::string_view::npos) continue;
    const size_t taken = read_traceback_frames(lines.subspan(at + 1), facts.crashing);
    if (taken == 0) return 0;
    for (FrameFact& frame : facts.crashing.frames) {
      FunctionFact& function = frame.functions.back();
      if (function.file.find("pysecsan/") != std::string::npos) function.role = CodeRole::kAbort;
    }
    facts.process.language = "Python";
    facts.process.runtime = "python";
    return at + 1 + taken;
  }
  return 0;
}

size_t read(TextLines lines, TextReport& report) {
  const std::string_view words = words_of(lines[0].text);
  if (words.empty() || words.size() > 200) return 0;
  Facts& facts = report.facts;
  ReportedFacts& reported = facts.reported.emplace();
  reported.tool = "the fuzzer's detector";
  reported.error = words;
  facts.abort.kind = AbortFacts::Kind::kOther;
  facts.abort.message = words;
  size_t taken = take_python(lines, facts);
  if (taken == 0) {
    const size_t death = take_death(lines.subspan(1), facts);
    facts.crash_frame = first_frame_behind_handler(facts.crashing);
    taken = 1 + death;
  }
  if (facts.crashing.frames.empty()) facts.crashing.end = "not printed";
  return finish_report(lines, taken, kDetector.name, report);
}

}  // namespace

const Format kDetector = {.name = "detector", .triggers = kTriggers, .read = read};

}  // namespace inquest::diagnosis
