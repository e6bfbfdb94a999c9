// Report: a diagnosis, rendered. Adds no knowledge.
#pragma once

#include <string>

#include "diagnosis/facts/facts.h"
#include "diagnosis/signature/signature.h"
#include "diagnosis/verdict/verdict.h"

namespace inquest::diagnosis {

// Version of the JSON schema in docs/formats/report-json.md. Grows when a field changes its
// meaning.
inline constexpr int kReportSchemaVersion = 1;

struct Report {
  Facts facts;
  Verdict verdict;
  Signature signature;
  std::string tool_version;
  bool full = false;  // everything, not only the first screen and the crashing stack
};

struct TextStyle {
  bool color = false;
  size_t width = 100;  // columns
};

std::string render_text(const Report& report, const TextStyle& style);
std::string render_markdown(const Report& report);
std::string render_html(const Report& report);  // one self-contained page, no scripts
std::string render_json(const Report& report);

// The signature alone (inquest signature): one line, or with `explain` the steps that led to it.
std::string render_signature_text(const Signature& signature, bool explain);
std::string render_signature_json(const Signature& signature);

// The verdict alone (--dump=verdict).
std::string render_verdict_json(const Verdict& verdict);

}  // namespace inquest::diagnosis
