#include <fmt/format.h>

#include "diagnosis/report/document.h"
#include "diagnosis/report/markup.h"

namespace inquest::diagnosis {
// Our own sentences quote names in backticks: nothing is markup between them.
std::string escape_markdown(const std::string& text) {
  std::string out;
  bool in_code = false;
  for (const char c : text) {
    if (c == '`') in_code = !in_code;
    if (!in_code &&
        (c == '*' || c == '_' || c == '<' || c == '[' || c == ']' || c == '|' || c == '#')) {
      out += '\\';
    }
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string fenced(const std::string& body) {
  std::string fence = "```";
  while (body.find(fence) != std::string::npos) fence += '`';
  return fmt::format("{}\n{}{}\n", fence, body, fence);
}

std::string render_markdown(const Report& report) {
  const Document document = compose(report);
  std::string out = fmt::format("# {}\n\n", escape_markdown(document.headline));
  for (const Field& field : document.fields) {
    out += fmt::format("**{}**: {}\n", field.label, escape_markdown(field.paragraphs.front()));
    for (size_t i = 1; i < field.paragraphs.size(); ++i) {
      out += fmt::format("- {}\n", escape_markdown(field.paragraphs[i]));
    }
    if (!field.code.empty()) {
      std::string body;
      for (const std::string& line : field.code) body += line + "\n";
      out += "\n" + fenced(body);
    }
    out += "\n";
  }
  for (const Section& section : document.sections) {
    out += fmt::format("## {}\n\n", escape_markdown(section.heading));
    for (const std::string& text : section.paragraphs) out += escape_markdown(text) + "\n\n";
    if (!section.frames.empty()) {
      std::string body;
      for (const FrameRow& row : section.frames) {
        body += fmt::format("{:<5}{}", row.number, row.function);
        if (!row.place.empty()) body += "  " + row.place;
        if (!row.remark.empty()) body += fmt::format("  ({})", row.remark);
        body += "\n";
        for (const std::string& detail : row.details) body += fmt::format("       {}\n", detail);
      }
      out += fenced(body) + "\n";
    }
    for (const std::string& item : section.items)
      out += fmt::format("- {}\n", escape_markdown(item));
    if (!section.items.empty()) out += "\n";
  }
  return out;
}

}  // namespace inquest::diagnosis
