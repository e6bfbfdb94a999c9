// ReportLines: lines of a report without the blanks around them, and without what stands in front
// of every one of them ("CRASH LOG: ", "==123== ").
#pragma once

#include <algorithm>
#include <string_view>

#include "diagnosis/text/format.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {

class ReportLines {
 public:
  ReportLines(TextLines lines, std::string_view prefix = {})  // NOLINT: implicit from TextLines
      : lines_(lines), prefix_(prefix) {}

  size_t size() const { return lines_.size(); }
  std::string_view operator[](size_t i) const {
    std::string_view text = trim_left(lines_[i].text);
    if (!prefix_.empty() && text.starts_with(prefix_)) text.remove_prefix(prefix_.size());
    return trim(text);
  }
  // Does the line carry the prefix?
  bool is_prefixed(size_t i) const { return trim_left(lines_[i].text).starts_with(prefix_); }
  ReportLines from(size_t first) const {
    return {lines_.subspan(std::min(first, lines_.size())), prefix_};
  }
  ReportLines first(size_t count) const {
    return {lines_.first(std::min(count, lines_.size())), prefix_};
  }
  TextLines raw() const { return lines_; }

 private:
  TextLines lines_;
  std::string_view prefix_;
};

}  // namespace inquest::diagnosis
