// Any text through the scanner, with all formats.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "diagnosis/text/scanner.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace inquest;
  const std::string_view text(reinterpret_cast<const char*>(data), size);  // NOLINT
  const auto scan = diagnosis::read_reports(text, {.max_report_lines = 512, .max_writers = 8});
  uint32_t last = 0;
  for (const diagnosis::TextReport& report : scan.reports) {
    INQ_CHECK(!report.format.empty());
    INQ_CHECK(report.first_line >= last && report.first_line <= report.last_line);
    INQ_CHECK(report.last_line <= scan.lines);
    last = report.first_line;
  }
  return 0;
}
