#include <fmt/format.h>

#include "diagnosis/report/document.h"
#include "diagnosis/report/html_page.h"

namespace inquest::diagnosis {
namespace {

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --faint: #667; --accent: #b3261e; --rule: #8884; --user: #0b57d0; }
@media (prefers-color-scheme: dark) { :root { --faint: #99a; --accent: #ff8a80; --user: #8ab4f8; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.25rem; line-height: 1.35; border-left: .3rem solid var(--accent); padding-left: .8rem; }
h2 { font-size: 1rem; margin-top: 2rem; border-bottom: 1px solid var(--rule); }
dl { display: grid; grid-template-columns: 5.5rem 1fr; gap: .5rem 1rem; }
dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; } dd p { margin: 0 0 .3rem; }
dd.strong p:first-child { font-weight: 600; font-size: 1.05rem; }
pre, code, table { font: 13px/1.45 ui-monospace, monospace; }
pre { background: #8881; padding: .6rem .8rem; overflow-x: auto; margin: .3rem 0; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; }
td { padding: .1rem .8rem .1rem 0; vertical-align: top; }
tr.user td.function { color: var(--user); } tr.crash td { font-weight: 600; }
td.remark, td.number { color: var(--faint); } td.detail { padding-left: 2rem; color: var(--faint); }
)";

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// Escaped text in which `names` become code.
std::string prose(std::string_view text) {
  std::string out;
  bool in_code = false;
  for (const char c : escape(text)) {
    if (c != '`') {
      out += c;
      continue;
    }
    out += in_code ? "</code>" : "<code>";
    in_code = !in_code;
  }
  return in_code ? out + "</code>" : out;
}

std::string field_html(const Field& field) {
  std::string out = fmt::format("<dt>{}</dt><dd class=\"{}\">", escape(field.label),
                                field.tone == Tone::kStrong ? "strong" : "plain");
  for (const std::string& text : field.paragraphs) out += fmt::format("<p>{}</p>", prose(text));
  if (!field.code.empty()) {
    out += "<pre>";
    for (const std::string& line : field.code) out += escape(line) + "\n";
    out += "</pre>";
  }
  return out + "</dd>\n";
}

std::string row_html(const FrameRow& row) {
  std::string out = fmt::format(
      "<tr class=\"{}{}\"><td class=\"number\">{}</td><td class=\"function\">{}</td><td>{}</td>"
      "<td class=\"remark\">{}</td></tr>\n",
      row.is_user_code ? "user" : "", row.is_crash ? " crash" : "", escape(row.number),
      escape(row.function), escape(row.place), escape(row.remark));
  for (const std::string& detail : row.details) {
    out += fmt::format("<tr><td></td><td class=\"detail\" colspan=\"3\">{}</td></tr>\n",
                       escape(detail));
  }
  return out;
}

std::string section_html(const Section& section) {
  std::string out = fmt::format("<section><h2>{}</h2>\n", escape(section.heading));
  for (const std::string& text : section.paragraphs) out += fmt::format("<p>{}</p>\n", prose(text));
  if (!section.frames.empty()) {
    out += "<div class=\"scroll\"><table>\n";
    for (const FrameRow& row : section.frames) out += row_html(row);
    out += "</table></div>\n";
  }
  if (!section.items.empty()) {
    out += "<ul>\n";
    for (const std::string& item : section.items) out += fmt::format("<li>{}</li>\n", prose(item));
    out += "</ul>\n";
  }
  return out + "</section>\n";
}

}  // namespace

std::string html_escaped(std::string_view text) { return escape(text); }

std::string html_body(const Report& report) {
  const Document document = compose(report);
  std::string out = fmt::format("<h1>{}</h1>\n<dl>\n", prose(document.headline));
  for (const Field& field : document.fields) out += field_html(field);
  out += "</dl>\n";
  for (const Section& section : document.sections) out += section_html(section);
  return out;
}

std::string html_page(std::string_view title, std::string_view body, std::string_view version) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{}</title>\n<style>{}</style></head>\n<body>\n{}"
      "<p class=\"remark\">inquest {}</p>\n</body>\n</html>\n",
      escape(title), kStyle, body, escape(version));
}

std::string render_html(const Report& report) {
  return html_page(compose(report).headline, html_body(report), report.tool_version);
}

}  // namespace inquest::diagnosis
