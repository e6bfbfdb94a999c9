#include "diagnosis/engine/text_evidence.h"

#include <fmt/format.h>

#include <string_view>

#include "diagnosis/text/scanner.h"

namespace inquest::diagnosis {
namespace {

Error nothing_found(const process::Input& input, uint64_t lines) {
  return {ErrorCode::kNotFound,
          fmt::format("{}: no crash report in this text ({} lines). Looked for: lines of the "
                      "kernel and its out-of-memory killer, reports of sanitizers and valgrind, "
                      "of the C and C++ libraries, of language runtimes, of debuggers and of "
                      "supervisors. If it is the log of a service that died, add the kernel's "
                      "log of that time (journalctl -k, dmesg -T); best is the core (coredumpctl "
                      "dump)",
                      input.file.path(), lines)};
}

}  // namespace

Result<Diagnoses> diagnose_text(const process::Input& input, const DiagnoseOptions& options) {
  (void)options;
  const ByteView bytes = input.bytes();
  Scan scan = read_reports({reinterpret_cast<const char*>(bytes.data()), bytes.size()});  // NOLINT
  if (scan.reports.empty()) return nothing_found(input, scan.lines);
  Diagnoses result;
  result.lines = scan.lines;
  result.not_kept = scan.not_kept;
  for (TextReport& report : scan.reports) {
    report.facts.process.source = input.file.path();
    Verdict verdict = judge(report.facts);
    result.list.push_back({std::nullopt, std::move(report.facts), std::move(verdict),
                           TextPlace{report.format, report.first_line, report.last_line}});
  }
  return result;
}

}  // namespace inquest::diagnosis
