// Table: rows whose columns line up.
#pragma once

#include <string>
#include <vector>

namespace inquest::term {

enum class Align { kLeft, kRight };

class Table {
 public:
  // Two spaces between columns, `indent` before the first.
  explicit Table(std::vector<Align> columns, int indent = 0)
      : aligns_(std::move(columns)), indent_(indent) {}

  // Missing cells are empty, those over the number of columns are dropped. Cells may be styled.
  void add_row(std::vector<std::string> cells);
  size_t size() const { return rows_.size(); }

  // One line a row, each with its newline; no spaces at line ends.
  std::string render() const;

 private:
  std::vector<Align> aligns_;
  int indent_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace inquest::term
