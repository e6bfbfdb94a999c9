// Report: a diagnosis, rendered. Adds no knowledge.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "diagnosis/facts/facts.h"
#include "diagnosis/verdict/verdict.h"

namespace inquest::diagnosis {

// Version of the JSON schema in docs/formats/report-json.md. Grows when a field changes its
// meaning.
inline constexpr int kReportSchemaVersion = 1;

// Where in a text a crash is told of.
struct TextPlace {
  std::string format;                      // name of the diagnosis/text Format
  uint32_t first_line = 0, last_line = 0;  // from 1
  uint64_t times = 1;      // the text tells of so many crashes like this one, this being the first
  uint32_t last_seen = 0;  // line where the last of them begins
};

struct Report {
  Facts facts;
  Verdict verdict;
  std::string tool_version;
  bool full = false;  // everything, not only the first screen and the crashing stack
  std::optional<TextPlace> place_in_text = std::nullopt;  // nullopt: the evidence is no text
};

struct TextStyle {
  bool color = false;
  size_t width = 100;  // columns
};

// What one text tells of.
struct ReportSet {
  std::vector<Report> reports;  // never empty
  uint64_t lines = 0;           // of the text
  uint64_t not_kept = 0;        // crashes over the limit
  std::vector<std::string> remarks;
  std::string tool_version;
};

// A report alone when there is one and nothing to say beside it, else all with a head each.
std::string render_text(const ReportSet& set, const TextStyle& style);
std::string render_markdown(const ReportSet& set);
std::string render_html(const ReportSet& set);
std::string render_json(const ReportSet& set);

std::string render_text(const Report& report, const TextStyle& style);
std::string render_markdown(const Report& report);
std::string render_html(const Report& report);  // one self-contained page, no scripts
std::string render_json(const Report& report);

// The verdict alone (--dump=verdict).
std::string render_verdict_json(const Verdict& verdict);

}  // namespace inquest::diagnosis
