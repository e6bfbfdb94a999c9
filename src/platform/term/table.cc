#include "platform/term/table.h"

#include <algorithm>

#include "platform/term/text.h"

namespace inquest::term {

void Table::add_row(std::vector<std::string> cells) {
  cells.resize(aligns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::render() const {
  std::vector<int> widths(aligns_.size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line(static_cast<size_t>(indent_), ' ');
    for (size_t i = 0; i < row.size(); ++i) {
      if (i != 0) line += "  ";
      line +=
          aligns_[i] == Align::kLeft ? pad_right(row[i], widths[i]) : pad_left(row[i], widths[i]);
    }
    line.resize(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

}  // namespace inquest::term
