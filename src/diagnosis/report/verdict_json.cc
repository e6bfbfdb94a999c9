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

void write_blame(json::JsonWriter& json, const Blame& blame) {
  json.key("blame")
      .begin_object()
      .field("party", to_string(blame.party))
      .field("sentence", blame.sentence)
      .field("module", blame.module);
  json.key("package");
  if (blame.package) {
    json.begin_object()
        .field("manager", blame.package->manager)
        .field("name", blame.package->name)
        .field("version", blame.package->version)
        .end_object();
  } else {
    json.null();
  }
  json.end_object();
}

void write_known(json::JsonWriter& json, const KnownMatch& issue) {
  json.begin_object()
      .field("id", issue.id)
      .field("title", issue.title)
      .field("party", to_string(issue.party))
      .field("sure", issue.sure)
      .field("link", issue.link);
  write_list(json, "more_links", issue.more_links);
  json.field("fixed", issue.fixed).field("workaround", issue.workaround);
  write_list(json, "because", issue.because);
  json.end_object();
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
  write_blame(json, verdict.blame);
  json.key("known_issues").begin_array();
  for (const KnownMatch& issue : verdict.known_issues) write_known(json, issue);
  json.end_array();
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
