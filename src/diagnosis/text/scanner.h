// read_reports(): the crashes that a text tells of, in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "diagnosis/text/format.h"
#include "diagnosis/text/formats.h"

namespace inquest::diagnosis {

struct ScanLimits {
  size_t max_report_lines = 1 << 16;  // that a format gets to see from where its report begins
  size_t max_line = 1 << 20;          // bytes of one line that are looked at
  size_t max_reports = 20'000;        // that are kept
  size_t max_writers = 4096;          // told apart at a time; further ones share one
};

struct Scan {
  std::vector<TextReport> reports;  // by first_line
  uint64_t not_kept = 0;            // reports over max_reports
  uint64_t lines = 0;               // of the text
};

// Looks through `text` once, and joins what tells of one death (see deaths.h). Memory is bounded by
// the limits, not by the text.
Scan read_reports(std::string_view text, const ScanLimits& limits = {},
                  std::span<const Format* const> asked = formats());

}  // namespace inquest::diagnosis
