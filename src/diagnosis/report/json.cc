#include <utility>

#include "diagnosis/facts/facts_json.h"
#include "diagnosis/report/report.h"
#include "diagnosis/report/signature_json.h"
#include "diagnosis/report/verdict_json.h"

namespace inquest::diagnosis {

std::string render_json(const Report& report) {
  json::JsonWriter json;
  json.begin_object()
      .field("schema", "inquest-report")
      .field("schema_version", kReportSchemaVersion)
      .field("tool_version", report.tool_version);
  json.key("verdict");
  write_verdict(json, report.verdict);
  json.key("signature");
  write_signature(json, report.signature);
  json.key("facts");
  write_json(json, report.facts);
  json.end_object();
  return std::move(json).take();
}

}  // namespace inquest::diagnosis
