// A report of the sanitizer family (Address, HWAddress, Memory, Thread, Leak, UndefinedBehavior,
// and libFuzzer), cut into its parts; what they mean is for the readers of each tool. Internal to
// text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "diagnosis/facts/stack_facts.h"
#include "diagnosis/text/report_lines.h"

namespace inquest::diagnosis {

// "==71==ERROR: AddressSanitizer: heap-buffer-overflow on …", "WARNING: ThreadSanitizer: data race
// (pid=71)"
struct SanitizerHeader {
  std::string_view prefix;   // what stands in front of it, on every line of the report
  std::string_view tool;     // "AddressSanitizer", "libFuzzer"
  std::string_view message;  // behind the tool
  int32_t pid = 0;
};
std::optional<SanitizerHeader> parse_sanitizer_header(std::string_view text);

struct SanitizerReport {
  struct Section {
    std::string_view title;  // the line in front of the stack
    StackFacts stack;
  };
  SanitizerHeader header;
  std::vector<std::string_view> lines;  // all but the stacks and dumps of memory, header first
  std::vector<Section> sections;
  std::string_view summary;  // behind "SUMMARY: …Sanitizer: "
  size_t sections_left_out = 0;
  size_t taken = 0;  // lines of the input
};
// nullopt when no report begins at lines[0].
std::optional<SanitizerReport> read_sanitizer_report(TextLines lines);

}  // namespace inquest::diagnosis
