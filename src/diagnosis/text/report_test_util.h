// For tests of formats: the reports in a text, by the same door as for a file.
#pragma once

#include <gtest/gtest.h>

#include <string_view>

#include "diagnosis/text/scanner.h"

namespace inquest::diagnosis {

// The one report in the text; an empty one, and a failure, when there are more or fewer.
inline TextReport only_report(std::string_view text) {
  Scan scan = read_reports(text);
  EXPECT_EQ(scan.reports.size(), 1U) << text;
  return scan.reports.size() == 1 ? std::move(scan.reports.front()) : TextReport();
}

// "function file:line" of the frame to open first.
inline std::string user_place(const Facts& facts) {
  const auto open = facts.open_frame();
  if (!open || *open >= facts.crashing.frames.size()) return "none";
  const FunctionFact& function = facts.crashing.frames[*open].functions[facts.open_function()];
  return function.short_name + " " + function.file + ":" + std::to_string(function.line);
}

}  // namespace inquest::diagnosis
