#include "diagnosis/report/handover.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "diagnosis/report/handover_parts.h"
#include "diagnosis/report/markup.h"
#include "platform/term/text.h"

namespace inquest::diagnosis {
namespace {

void section(std::string& out, std::string_view heading) {
  out += fmt::format("\n## {}\n\n", heading);
}

void item(std::string& out, const std::string& text) {
  out += fmt::format("- {}\n", escape_markdown(term::printable(text)));
}

void paragraph(std::string& out, const std::string& text) {
  out += escape_markdown(term::printable(text)) + "\n";
}

void code(std::string& out, const std::vector<std::string>& lines) {
  std::string body;
  for (const std::string& line : lines) body += term::printable(line) + "\n";
  out += fenced(body);
}

void add_known(std::string& out, const Verdict& verdict) {
  for (const KnownMatch& issue : verdict.known_issues) {
    out += fmt::format("- {}{}: <{}>\n",
                       issue.sure ? "" : "perhaps: ", escape_markdown(term::printable(issue.title)),
                       issue.link);
    for (const std::string& link : issue.more_links)
      out += fmt::format("  - see also <{}>\n", link);
    if (!issue.fixed.empty()) out += "  - fixed: " + escape_markdown(issue.fixed) + "\n";
    if (!issue.workaround.empty())
      out += "  - until then: " + escape_markdown(issue.workaround) + "\n";
    for (const std::string& reason : issue.because)
      out += fmt::format("  - because {}\n", escape_markdown(term::printable(reason)));
  }
}

std::string made_by(const Report& report) {
  return fmt::format("\n---\nMade by inquest {} from what the process left when it died.\n",
                     report.tool_version);
}

void add_row(std::string& out, std::string_view name, const std::string& value) {
  if (value.empty()) return;
  out += fmt::format("| {} | {} |\n", name, escape_markdown(term::printable(value)));
}

}  // namespace

std::string render_upstream(const Report& report) {
  std::string out = "# " + escape_markdown(term::printable(public_headline(report))) + "\n\n";
  for (const std::string& text : public_findings(report)) item(out, text);
  section(out, "Versions");
  for (const std::string& text : versions(report.facts)) item(out, text);
  section(out, "Stack");
  code(out, public_stack(report.facts));
  if (!report.verdict.known_issues.empty()) {
    section(out, "It looks like");
    add_known(out, report.verdict);
  }
  section(out, "How to reproduce");
  for (const std::string& text : how_to_reproduce(report)) item(out, text);
  section(out, "Not known");
  for (const std::string& text : public_limits(report)) item(out, text);
  out += made_by(report);
  out +=
      "Names of functions, files, and packages of the program's own are in it; values, arguments, "
      "environment, host and user are not.\n";
  return out;
}

std::string render_ticket(const Report& report, const Circumstances& circumstances) {
  const Redactor redact(report.facts);
  const Verdict& verdict = report.verdict;
  std::string out = "# " + escape_markdown(term::printable(redact(verdict.headline))) + "\n\n";
  const Hypothesis& best = verdict.hypotheses.front();
  paragraph(out, fmt::format("{} ({}).", redact(best.sentence), to_string(best.confidence)));
  out += "\n| | |\n|---|---|\n";
  add_row(out, "program", redact(report.facts.process.executable));
  add_row(out, "when", circumstances.time);
  add_row(out, "host", circumstances.host);
  add_row(out, "unit", circumstances.unit);
  add_row(out, "container", circumstances.container);
  add_row(out, "had run for", circumstances.uptime);
  add_row(out, "whose", redact(verdict.blame.sentence));
  add_row(out, "group", fmt::format("{} {}", report.signature.id, report.signature.title()));
  if (circumstances.times_seen > 0)
    add_row(out, "kept crashes of this group", std::to_string(circumstances.times_seen));
  add_row(out, "case", circumstances.case_id);
  if (!verdict.known_issues.empty()) {
    section(out, "Known issue");
    add_known(out, verdict);
  }
  section(out, "Now");
  for (const std::string& step : verdict.next_steps) item(out, redact(step));
  section(out, "Look closer");
  const std::string input = circumstances.input.empty() ? "INPUT" : circumstances.input;
  std::vector<std::string> commands = {"inquest explain " + input};
  if (!circumstances.case_id.empty()) commands.push_back("inquest open " + input);
  commands.push_back("inquest report " + input + " --for upstream");
  code(out, commands);
  section(out, "Stack");
  std::vector<std::string> rows = short_stack(report.facts);
  for (std::string& row : rows) row = redact(std::move(row));
  code(out, rows);
  if (!verdict.limits.empty()) {
    section(out, "Not known");
    for (const std::string& limit : verdict.limits) item(out, redact(limit));
  }
  return out + made_by(report);
}

}  // namespace inquest::diagnosis
