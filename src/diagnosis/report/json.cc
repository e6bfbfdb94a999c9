#include <utility>

#include "diagnosis/facts/facts_json.h"
#include "diagnosis/report/report.h"
#include "diagnosis/report/report_json.h"
#include "diagnosis/report/verdict_json.h"

namespace inquest::diagnosis {

void write_report(json::JsonWriter& json, const Report& report) {
  json.begin_object()
      .field("schema", "inquest-report")
      .field("schema_version", kReportSchemaVersion)
      .field("tool_version", report.tool_version);
  if (report.place_in_text) {
    const TextPlace& place = *report.place_in_text;
    json.key("found")
        .begin_object()
        .field("format", place.format)
        .field("first_line", place.first_line)
        .field("last_line", place.last_line)
        .field("times", place.times)
        .field("last_seen", place.last_seen)
        .end_object();
  }
  json.key("verdict");
  write_verdict(json, report.verdict);
  json.key("facts");
  write_json(json, report.facts);
  json.end_object();
}

std::string render_json(const Report& report) {
  json::JsonWriter json;
  write_report(json, report);
  return std::move(json).take();
}

}  // namespace inquest::diagnosis
