#include "diagnosis/report/verdict_json.h"

#include "diagnosis/report/report.h"

namespace inquest::diagnosis {
namespace {

void write_list(json::JsonWriter& json, std::string_view key,
                const std::vector<std::string>& texts) {
  json.key(key).begin_array();
  for (const std::string& text : texts) json.value(text);
  json.end_array();
}

void write_hypothesis(json::JsonWriter& json, const Hypothesis& h) {
  json.begin_object()
      .field("class", to_string(h.crash_class))
      .field("title", title(h.crash_class))
      .field("confidence", to_string(h.confidence))
      .field("sentence", h.sentence)
      .field("expression", h.expression);
  write_list(json, "for", h.facts_for);
  write_list(json, "against", h.facts_against);
  json.field("would_confirm", h.would_confirm).field("next_command", h.next_command).end_object();
}

}  // namespace

void write_verdict(json::JsonWriter& json, const Verdict& verdict) {
  json.begin_object().field("version", Verdict::kVersion).field("headline", verdict.headline);
  json.key("hypotheses").begin_array();
  for (const Hypothesis& hypothesis : verdict.hypotheses) write_hypothesis(json, hypothesis);
  json.end_array();
  json.key("place");
  if (verdict.place) {
    const BlamedPlace& place = *verdict.place;
    json.begin_object()
        .field("function", place.function)
        .field("file", place.file)
        .field("line", place.line)
        .field("column", place.column)
        .field("frame", place.frame)
        .field("module", place.module)
        .field("module_offset", Address(place.module_offset))
        .end_object();
  } else {
    json.null();
  }
  write_list(json, "next_steps", verdict.next_steps);
  write_list(json, "limits", verdict.limits);
  json.end_object();
}

std::string render_verdict_json(const Verdict& verdict) {
  json::JsonWriter json;
  write_verdict(json, verdict);
  return std::move(json).take();
}

}  // namespace inquest::diagnosis
