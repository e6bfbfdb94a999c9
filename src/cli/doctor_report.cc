#include "cli/doctor_report.h"

#include <fmt/format.h>

#include "platform/json/writer.h"
#include "platform/term/style.h"
#include "platform/term/text.h"

namespace inquest::cli {
namespace {

using doctor::Weight;

constexpr int kIndent = 11;

std::string subject(const doctor::Facts& facts) {
  if (!facts.target && facts.unit) return facts.unit->name + " (not running)";
  if (!facts.target) return "any process here";
  const doctor::Target& target = *facts.target;
  if (target.pid == 0) return target.executable + " (started from here)";
  return fmt::format("{} (pid {}{}{})", target.name, target.pid, facts.unit ? ", " : "",
                     facts.unit ? facts.unit->name : "");
}

std::string label(const term::Painter& paint, Weight weight) {
  const std::string text = term::pad_right(doctor::to_string(weight), 9);
  switch (weight) {
    case Weight::kProblem:
      return paint.red(text);
    case Weight::kWarning:
      return paint.yellow(text);
    case Weight::kGood:
      return paint.green(text);
    case Weight::kNote:
      break;
  }
  return text;
}

// Lines behind the label, all at one column.
std::string block(const std::string& text, int columns) {
  std::string out;
  for (const std::string& line : term::wrap(term::printable(text), columns - kIndent))
    out += (out.empty() ? "" : std::string(kIndent, ' ')) + line + "\n";
  return out;
}

}  // namespace

std::string render_doctor_text(const doctor::Facts& facts, const doctor::Examination& examination,
                               int fd) {
  const term::Terminal terminal = term::detect(fd);
  const term::Painter paint(terminal.color);
  std::string out = fmt::format("A crash of {} would leave behind:\n",
                                paint.bold(term::printable(subject(facts))));
  for (const std::string& line :
       term::wrap(term::printable(examination.prospect.what.empty() ? "it cannot be told from here"
                                                                    : examination.prospect.what),
                  terminal.columns - 2))
    out += "  " + paint.bold(line) + "\n";
  out += "\n";
  for (const doctor::Finding& finding : examination.findings) {
    out += "  " + label(paint, finding.weight) + block(finding.what, terminal.columns);
    const std::string margin(kIndent, ' ');
    if (!finding.why.empty()) out += margin + block(finding.why, terminal.columns);
    if (!finding.command.empty())
      out += margin + paint.cyan(term::printable(finding.command)) + "\n";
  }
  return out;
}

std::string render_doctor_json(const doctor::Facts& facts, const doctor::Examination& examination) {
  json::JsonWriter out;
  out.begin_object().field("format", "inquest-doctor").field("version", 1);
  out.field("subject", subject(facts));
  out.key("pid");
  if (facts.target && facts.target->pid != 0) {
    out.value(facts.target->pid);
  } else {
    out.null();
  }
  out.key("prospect").begin_object();
  out.field("evidence", doctor::to_string(examination.prospect.evidence));
  out.field("what", examination.prospect.what).end_object();
  out.key("findings").begin_array();
  for (const doctor::Finding& finding : examination.findings) {
    out.begin_object();
    out.field("id", finding.id).field("weight", doctor::to_string(finding.weight));
    out.field("what", finding.what).field("why", finding.why);
    out.field("command", finding.command).end_object();
  }
  out.end_array().end_object();
  return std::move(out).take();
}

}  // namespace inquest::cli
