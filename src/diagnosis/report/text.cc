#include "platform/term/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/report/document.h"
#include "platform/term/style.h"

namespace inquest::diagnosis {
namespace {

constexpr int kLabelColumns = 11;
constexpr int kNumberColumns = 7;
constexpr int kFunctionColumns = 48;

class Printer {
 public:
  explicit Printer(const TextStyle& style)
      : paint_(style.color), columns_(std::max(static_cast<int>(style.width), term::kMinColumns)) {}

  void headline(const std::string& text) {
    for (const std::string& line : term::wrap(text, columns_)) out_ += paint_.bold(line) + "\n";
    out_ += "\n";
  }

  void field(const Field& field) {
    std::string label = term::pad_right("  " + field.label, kLabelColumns);
    for (const std::string& paragraph : field.paragraphs) {
      for (const std::string& line : term::wrap(paragraph, columns_ - kLabelColumns)) {
        out_ += paint_.dim(label) + toned(line, field.tone) + "\n";
        label.assign(kLabelColumns, ' ');
      }
    }
    for (const std::string& line : field.code) {
      out_ += label + (line.starts_with('>') ? paint_.bold(line) : paint_.dim(line)) + "\n";
    }
  }

  void section(const Section& section) {
    out_ += "\n" + paint_.bold(section.heading) + "\n";
    for (const std::string& paragraph : section.paragraphs) indented(paragraph, 2);
    for (const FrameRow& row : section.frames) frame(row);
    for (const std::string& item : section.items) indented(item, 2);
  }

  std::string take() && { return std::move(out_); }

 private:
  std::string toned(const std::string& line, Tone tone) const {
    switch (tone) {
      case Tone::kStrong:
        return paint_.bold(line);
      case Tone::kGood:
        return paint_.green(line);
      case Tone::kWarning:
        return paint_.yellow(line);
      case Tone::kFaint:
        return paint_.dim(line);
      case Tone::kPlain:
        return line;
    }
    return line;
  }

  void indented(const std::string& text, int indent) {
    const std::string margin(static_cast<size_t>(indent), ' ');
    for (const std::string& line : term::wrap(text, columns_ - indent, 2))
      out_ += margin + line + "\n";
  }

  void frame(const FrameRow& row) {
    const std::string function = term::pad_right(
        term::truncate_middle(row.function, columns_ - kLabelColumns), kFunctionColumns);
    std::string line = term::pad_right("  " + row.number + " ", kNumberColumns);
    line += row.is_crash       ? paint_.red(function)
            : row.is_user_code ? paint_.bold(function)
                               : function;
    if (!row.place.empty()) line += " " + (row.is_user_code ? paint_.cyan(row.place) : row.place);
    if (!row.remark.empty()) line += " " + paint_.dim(fmt::format("({})", row.remark));
    out_ += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    for (const std::string& detail : row.details) {
      for (const std::string& wrapped : term::wrap(detail, columns_ - 9, 4)) {
        out_ += std::string(9, ' ') + wrapped + "\n";
      }
    }
  }

  term::Painter paint_;
  int columns_;
  std::string out_;
};

}  // namespace

std::string render_text(const Report& report, const TextStyle& style) {
  const Document document = compose(report);
  Printer printer(style);
  printer.headline(document.headline);
  for (const Field& field : document.fields) printer.field(field);
  for (const Section& section : document.sections) printer.section(section);
  return std::move(printer).take();
}

}  // namespace inquest::diagnosis
