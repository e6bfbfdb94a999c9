#include "cli/drill_report.h"

#include <fmt/format.h>

#include "cli/vault_access.h"
#include "platform/json/writer.h"
#include "platform/term/style.h"
#include "platform/term/text.h"

namespace inquest::cli {
namespace {

constexpr int kIndent = 12;

std::string label(const term::Painter& paint, const DrillResult& result) {
  if (result.skipped) return term::pad_right("not tried", kIndent - 2);
  const std::string text = term::pad_right(result.is_good() ? "kept" : "LOST", kIndent - 2);
  if (result.is_good()) return paint.green(text);
  return result.captured ? paint.yellow(term::pad_right("in part", kIndent - 2)) : paint.red(text);
}

std::string details(const DrillResult& result) {
  std::string text;
  if (result.captured) {
    text = fmt::format("{} record, {}", result.fidelity, size_text(result.stored));
    if (!result.verdict.empty()) text += ", explained as " + result.verdict;
    if (result.total_ms > 0)
      text +=
          fmt::format(", {:.1f} ms from the fault {}", result.total_ms,
                      result.name == "restart" ? "to the next start" : "until it was explained");
  }
  if (!result.why.empty()) text += (text.empty() ? "" : "; ") + result.why;
  return text;
}

}  // namespace

std::string render_drill_text(const std::vector<DrillResult>& results, int fd) {
  const term::Terminal terminal = term::detect(fd);
  const term::Painter paint(terminal.color);
  std::string out;
  for (const DrillResult& result : results) {
    out += "  " + label(paint, result) + paint.bold(term::printable(result.what)) + "\n";
    for (const std::string& line :
         term::wrap(term::printable(details(result)), terminal.columns - kIndent))
      out += std::string(kIndent, ' ') + line + "\n";
  }
  return out;
}

std::string render_drill_json(const std::vector<DrillResult>& results) {
  json::JsonWriter out;
  out.begin_object().field("format", "inquest-drill").field("version", 1);
  out.key("trials").begin_array();
  for (const DrillResult& result : results) {
    out.begin_object().field("name", result.name).field("what", result.what);
    out.field("ran", result.ran).field("skipped", result.skipped);
    out.field("captured", result.captured).field("explained", result.explained);
    out.field("fidelity", result.fidelity).field("verdict", result.verdict);
    out.field("why", result.why).field("milliseconds", result.total_ms);
    out.field("stored", result.stored).key("missing").begin_array();
    for (const std::string& reason : result.missing) out.value(reason);
    out.end_array().end_object();
  }
  out.end_array().end_object();
  return std::move(out).take();
}

}  // namespace inquest::cli
