#include "cli/crash_analysis.h"

#include <utility>

#include "cli/evidence.h"
#include "diagnosis/engine/engine.h"
#include "diagnosis/report/report.h"
#include "platform/json/value.h"
#include "platform/json/writer.h"
#include "process/input/load.h"

namespace inquest::cli {
namespace {

diagnosis::DiagnoseOptions analysis_options() {
  diagnosis::DiagnoseOptions options;
  options.modules.use_debuginfod = false;  // nobody waits for a network here
  options.symbol_cache_dir = default_symbol_cache();
  options.known_issues = default_known_issues();
  return options;
}

// Up to the details, which the report has.
std::string first_screen(const std::string& text) {
  constexpr size_t kMaxBytes = 4096;
  std::string first = text.substr(0, text.find("\nWhere the value came from"));
  first = first.substr(0, first.find("\nCrashing thread"));
  if (first.size() > kMaxBytes) first.resize(first.rfind('\n', kMaxBytes));
  return first.ends_with('\n') ? first : first + '\n';
}

}  // namespace

void analyse_held(ByteView notes, std::unique_ptr<process::MemoryReader> memory) {
  auto image = process::load_core(notes, "record");
  if (!image.ok()) return;
  image->memory = std::move(memory);
  diagnosis::DiagnoseOptions options = analysis_options();
  // What says nothing of memory can wait; the process should not.
  options.packages = false;
  options.known_issues.clear();
  static_cast<void>(diagnosis::diagnose_image(std::move(*image), options).ok());
}

Result<CrashExplanation> explain_record(ByteView record, const std::string& name) {
  INQ_TRY(process::ProcessImage image, process::load_core(record, name));
  INQ_TRY(auto diagnosed, diagnosis::diagnose_image(std::move(image), analysis_options()));
  const diagnosis::Report report{.facts = std::move(diagnosed.facts),
                                 .verdict = std::move(diagnosed.verdict),
                                 .signature = std::move(diagnosed.signature),
                                 .tool_version = INQUEST_VERSION};
  const std::string text = diagnosis::render_text(report, {.color = false, .width = 100});
  return CrashExplanation{.signature = report.signature.id,
                          .title = report.signature.title(),
                          .headline = report.verdict.headline,
                          .text = first_screen(text),
                          .report = diagnosis::render_json(report)};
}

std::string to_json(const CrashExplanation& explanation) {
  json::JsonWriter json(json::JsonWriter::Style::kCompact);
  json.begin_object()
      .field("signature", explanation.signature)
      .field("title", explanation.title)
      .field("headline", explanation.headline)
      .field("text", explanation.text)
      .field("report", explanation.report)
      .end_object();
  return std::move(json).take();
}

Result<CrashExplanation> explanation_from(std::string_view json) {
  INQ_TRY(const json::JsonValue value,
          json::parse_json(json, {.max_size = json.size(), .max_depth = 2}));
  return CrashExplanation{.signature = value.text("signature"),
                          .title = value.text("title"),
                          .headline = value.text("headline"),
                          .text = value.text("text"),
                          .report = value.text("report")};
}

}  // namespace inquest::cli
