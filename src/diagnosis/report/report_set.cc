// Several reports of one text, one after another.
#include <fmt/format.h>

#include "diagnosis/report/html_page.h"
#include "diagnosis/report/report.h"
#include "diagnosis/report/report_json.h"
#include "platform/term/text.h"

namespace inquest::diagnosis {
namespace {

bool stands_alone(const ReportSet& set) {
  return set.reports.size() == 1 && set.remarks.empty() && set.not_kept == 0 &&
         (!set.reports.front().place_in_text || set.reports.front().place_in_text->times == 1);
}

// "2 of 5, lines 120-188: asan"
std::string head(const ReportSet& set, size_t i) {
  std::string text = fmt::format("{} of {}", i + 1, set.reports.size());
  const auto& place = set.reports[i].place_in_text;
  if (!place) return text;
  text += place->first_line == place->last_line
              ? fmt::format(", line {}", place->first_line)
              : fmt::format(", lines {}-{}", place->first_line, place->last_line);
  text += fmt::format(" ({})", place->format);
  if (place->times > 1)
    text += fmt::format(", {} times, the last in line {}", place->times, place->last_seen);
  return text;
}

uint64_t crashes(const ReportSet& set) {
  uint64_t count = set.not_kept;
  for (const Report& report : set.reports)
    count += report.place_in_text ? report.place_in_text->times : 1;
  return count;
}

std::vector<std::string> tail(const ReportSet& set) {
  std::vector<std::string> lines;
  const uint64_t count = crashes(set);
  std::string text = fmt::format("{} crash{} in {} line{}", count, count == 1 ? "" : "es",
                                 set.lines, set.lines == 1 ? "" : "s");
  if (count != set.reports.size()) text += fmt::format(", {} different", set.reports.size());
  if (set.not_kept != 0) text += fmt::format("; {} were not looked at: too many", set.not_kept);
  lines.push_back(std::move(text));
  for (const std::string& remark : set.remarks) lines.push_back(term::printable(remark));
  return lines;
}

}  // namespace

std::string render_text(const ReportSet& set, const TextStyle& style) {
  if (stands_alone(set)) return render_text(set.reports.front(), style);
  std::string out;
  for (size_t i = 0; i < set.reports.size(); ++i) {
    out += fmt::format("--- {}\n{}\n", head(set, i), render_text(set.reports[i], style));
  }
  for (const std::string& line : tail(set)) out += line + "\n";
  return out;
}

std::string render_markdown(const ReportSet& set) {
  if (stands_alone(set)) return render_markdown(set.reports.front());
  std::string out;
  for (size_t i = 0; i < set.reports.size(); ++i) {
    out += fmt::format("*{}*\n\n{}\n---\n\n", head(set, i), render_markdown(set.reports[i]));
  }
  for (const std::string& line : tail(set)) out += fmt::format("- {}\n", line);
  return out;
}

std::string render_html(const ReportSet& set) {
  if (stands_alone(set)) return render_html(set.reports.front());
  std::string body;
  for (size_t i = 0; i < set.reports.size(); ++i) {
    body += fmt::format("<p class=\"remark\">{}</p>\n{}<hr>\n", html_escaped(head(set, i)),
                        html_body(set.reports[i]));
  }
  const auto lines = tail(set);
  for (const std::string& line : lines) body += fmt::format("<p>{}</p>\n", html_escaped(line));
  return html_page(lines.front(), body, set.tool_version);
}

std::string render_json(const ReportSet& set) {
  if (stands_alone(set)) return render_json(set.reports.front());
  json::JsonWriter json;
  json.begin_object()
      .field("schema", "inquest-reports")
      .field("schema_version", kReportSchemaVersion)
      .field("tool_version", set.tool_version)
      .field("lines", set.lines)
      .field("crashes", crashes(set))
      .field("not_kept", set.not_kept);
  json.key("remarks").begin_array();
  for (const std::string& remark : set.remarks) json.value(remark);
  json.end_array().key("reports").begin_array();
  for (const Report& report : set.reports) write_report(json, report);
  json.end_array().end_object();
  return std::move(json).take();
}

}  // namespace inquest::diagnosis
