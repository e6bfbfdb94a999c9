// LogLines: the lines of a log one by one, each without what the logger added.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "diagnosis/text/format.h"

namespace inquest::diagnosis {

struct LogLine {
  TextLine line;
  std::string_view writer;  // see Prefix; empty: whoever wrote the line before, or unknown
};

// A line as it stands in the file.
struct RawLine {
  std::string_view text;  // without its end (LF, CRLF)
  size_t offset = 0;      // in the input
  uint32_t number = 0;    // from 1
};

// Splits a text into raw lines.
class RawLines {
 public:
  RawLines(std::string_view text, size_t offset, uint32_t number, size_t max_line)
      : text_(text), offset_(offset), number_(number), max_line_(max_line) {}

  std::optional<RawLine> next();
  bool at_end() const { return offset_ >= text_.size(); }
  size_t offset() const { return offset_; }  // of the next line

 private:
  std::string_view text_;
  size_t offset_;
  uint32_t number_;  // of the next line
  size_t max_line_;
};

// Takes off what loggers add. The lines stay valid as long as the input and this object.
class Stripper {
 public:
  // Appends what `raw` says: one line, or several when a logger packed them into one.
  void strip(const RawLine& raw, std::vector<LogLine>& out);

  // Bytes kept for lines that do not stand in the input as they are.
  size_t kept() const { return kept_; }

  // Forgets the lines.
  void clear();

 private:
  std::string_view keep(std::string text);
  void strip(std::string_view text, uint32_t number, std::string_view writer, int depth,
             std::vector<LogLine>& out);
  void strip_record(std::string_view message, uint32_t number, std::string_view writer, int depth,
                    std::vector<LogLine>& out);

  std::deque<std::string> texts_;
  size_t kept_ = 0;
};

// Whether strip() changes more than the beginning of the line: its triggers may not show before.
bool needs_decoding(std::string_view raw);

// Without colours and other escape sequences of terminals.
std::string without_escapes(std::string_view text);

}  // namespace inquest::diagnosis
