// Format: one kind of crash report that stands in a text: a sanitizer's, the kernel's, a runtime's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "diagnosis/facts/facts.h"
#include "process/input/kernel_crash.h"

namespace inquest::diagnosis {

// A line of a log without what the logger put before it (time, host, unit, container, stream).
struct TextLine {
  std::string_view text;
  std::string_view prefix;  // what was stripped, as written
  uint32_t number = 0;      // in the input, from 1
};
using TextLines = std::span<const TextLine>;

// One crash that a text tells of.
struct TextReport {
  std::string format;                      // name of the Format that read it
  uint32_t first_line = 0, last_line = 0;  // in the input, from 1
  std::string writer;                      // of its first line, as the logger names it
  Facts facts;
  // A line of the kernel's log: the engine makes the facts from it, and keeps `facts.reported`.
  std::optional<process::KernelCrash> kernel;
  // No crash: something that a reader of this log has to know ("12 crashes were not printed").
  // `facts` stay empty then.
  std::string remark;
};

struct Format {
  std::string_view name;
  // A line that holds none of these never begins such a report: the scanner asks `read` only at
  // lines that do.
  std::span<const std::string_view> triggers;
  // Reads a report that begins at lines[0]; returns how many lines belong to it, 0 when none begins
  // there. `lines` are those of one writer as far as they can be told apart, up to the end of the
  // input or some 60,000 lines. Whether a report begins has to be decided from the first 200 of
  // them: a reader that walks far and then answers 0 makes a hostile log slow. Lines that the
  // report merely passes over count as its own when more of it follows.
  size_t (*read)(TextLines lines, TextReport& report);
};

}  // namespace inquest::diagnosis
