// The format of all sanitizers' reports: cut it, hand it to the reader of the tool, complete it.
#include <array>

#include "diagnosis/text/checker_formats.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/sanitizer_readers.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxExcerpt = 40;

constexpr std::array<std::string_view, 2> kTriggers = {"Sanitizer: ", " ERROR: libFuzzer: "};

bool starts(std::string_view text, std::string_view with) { return text.starts_with(with); }

void dispatch(SanitizerReport& raw, Facts& facts) {
  const std::string_view tool = raw.header.tool, message = raw.header.message;
  if (tool == "libFuzzer") return read_fuzzer_error(raw, facts);
  if (starts(message, "detected memory leaks")) return read_leaks(raw, facts);
  if (starts(message, "use-of-uninitialized-value")) return read_uninitialised_value(raw, facts);
  const bool deadly = message.find(" on unknown address") != std::string_view::npos ||
                      starts(message, "stack-overflow on address");
  if (tool == "ThreadSanitizer" && !deadly) return read_thread_error(raw, facts);
  read_address_error(raw, facts);
}

size_t read(TextLines lines, TextReport& report) {
  auto raw = read_sanitizer_report(lines);
  if (!raw) return 0;
  // Fuzzers say "deadly signal" on the console, too, without anything behind it.
  if (raw->header.tool == "libFuzzer" && raw->sections.empty() && raw->summary.empty()) return 0;
  Facts& facts = report.facts;
  facts.process.pid = raw->header.pid;
  facts.process.producer = raw->header.tool;
  ReportedFacts& reported = facts.reported.emplace();
  reported.tool = raw->header.tool;
  reported.summary = raw->summary;
  for (const std::string_view line : raw->lines) {
    if (reported.excerpt.size() < kMaxExcerpt) reported.excerpt.emplace_back(line);
  }
  dispatch(*raw, facts);
  if (raw->sections_left_out != 0) {
    facts.missing.push_back(
        {std::to_string(raw->sections_left_out) + " further stacks of the report are not shown",
         {}});
    facts.advice.emplace_back();
  }
  complete_facts(facts);
  return raw->taken;
}

}  // namespace

const Format kSanitizer = {.name = "sanitizer", .triggers = kTriggers, .read = read};

}  // namespace inquest::diagnosis
