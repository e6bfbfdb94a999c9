#include "diagnosis/engine/text_evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "diagnosis/text/scanner.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kQuoted = 60;  // bytes

std::string_view text_of(const process::Input& input) {
  const ByteView bytes = input.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};  // NOLINT
}

Error nothing_found(const process::Input& input, uint64_t lines) {
  const std::string_view text = text_of(input);
  const std::string_view start = text.substr(0, std::min(text.find_first_of("\r\n"), kQuoted));
  return {ErrorCode::kNotFound,
          fmt::format("{}: no crash report in this text ({} lines, beginning with \"{}\"). Looked "
                      "for: lines of the "
                      "kernel and its out-of-memory killer, reports of sanitizers and valgrind, "
                      "of the C and C++ libraries, of language runtimes, of debuggers and of "
                      "supervisors. If it is the log of a service that died, add the kernel's "
                      "log of that time (journalctl -k, dmesg -T); best is the core (coredumpctl "
                      "dump)",
                      input.file.path(), lines, start)};
}

}  // namespace

Result<Diagnoses> diagnose_text(const process::Input& input, const DiagnoseOptions& options) {
  (void)options;
  Scan scan = read_reports(text_of(input));
  if (scan.reports.empty()) return nothing_found(input, scan.lines);
  Diagnoses result;
  result.lines = scan.lines;
  result.not_kept = scan.not_kept;
  for (TextReport& report : scan.reports) {
    report.facts.process.source = input.file.path();
    Verdict verdict = judge(report.facts);
    Signature signature = sign(report.facts);
    result.list.push_back({std::nullopt, std::move(report.facts), std::move(verdict),
                           std::move(signature),
                           TextPlace{report.format, report.first_line, report.last_line}});
  }
  return result;
}

}  // namespace inquest::diagnosis
