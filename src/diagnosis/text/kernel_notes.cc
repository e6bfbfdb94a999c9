// Lines of the kernel beside those of faults: the audit record of an abnormal end, and how many
// crashes were not printed at all.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "diagnosis/text/complete.h"
#include "diagnosis/text/formats.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr std::array<std::string_view, 2> kAbnormalTriggers = {"type=1701 ", "type=ANOM_ABEND "};
constexpr std::array<std::string_view, 1> kSuppressedTriggers = {" callbacks suppressed"};

// The value of `key` (with its '='): quoted, hexadecimal when the kernel did not trust it, or
// plain.
std::string audit_value(std::string_view line, std::string_view key) {
  const size_t at = line.find(key);
  if (at == std::string_view::npos) return {};
  Words words(line.substr(at + key.size()));
  if (words.take("\"")) {
    const auto text = words.take_until("\"");
    return std::string(text.value_or(std::string_view()));
  }
  const std::string_view raw = words.take_word();
  const bool is_name = key == " comm=" || key == " exe=";
  if (!is_name || raw.size() % 2 != 0) return std::string(raw);
  std::string decoded;
  for (size_t i = 0; i + 1 < raw.size(); i += 2) {
    Words byte(raw.substr(i, 2));
    const auto value = byte.take_bare_hex();
    if (!value || !byte.at_end()) return std::string(raw);
    decoded += static_cast<char>(*value);
  }
  return decoded;
}

size_t read_abnormal_end(TextLines lines, TextReport& report) {
  const std::string_view line = lines.front().text;
  const auto pid = number_of(audit_value(line, " pid="));
  const auto signal = number_of(audit_value(line, " sig="));
  if (!pid || *pid > INT32_MAX || !signal || *signal == 0 || *signal > 64) return 0;
  Facts& facts = report.facts;
  facts.process.pid = static_cast<int32_t>(*pid);
  facts.process.command = audit_value(line, " comm=");
  if (std::string exe = audit_value(line, " exe="); exe.starts_with('/'))
    facts.process.executable = std::move(exe);
  if (const auto uid = number_of(audit_value(line, " uid=")); uid && *uid < UINT32_MAX)
    facts.process.uid = static_cast<uint32_t>(*uid);
  if (const auto gid = number_of(audit_value(line, " gid=")); gid && *gid < UINT32_MAX)
    facts.process.gid = static_cast<uint32_t>(*gid);
  set_signal(facts, static_cast<int>(*signal));
  ReportedFacts& reported = facts.reported.emplace();
  reported.tool = "kernel audit log";
  reported.error = "ended by a signal";
  reported.excerpt.emplace_back(line);
  facts.missing.push_back({"the audit record holds no address, register or stack", {}});
  facts.advice.emplace_back("look for the core: coredumpctl info " + std::to_string(*pid));
  complete_facts(facts);
  return 1;
}

// Which functions of the kernel print a line for a crash, at most some tens in five seconds.
constexpr std::array<std::string_view, 10> kPrinters = {
    "show_signal_msg",       "show_signal",    "do_trap",           "do_general_protection",
    "gp_user_force_sig_snd", "do_error_trap",  "arm64_show_signal", "exc_general_protection",
    "force_sig_info",        "__do_user_fault"};

size_t read_suppressed(TextLines lines, TextReport& report) {
  const std::string_view line = lines.front().text;
  const size_t end = line.find(kSuppressedTriggers.front());
  const size_t colon = line.rfind(": ", end);
  if (end == std::string_view::npos || colon == std::string_view::npos) return 0;
  const auto count = number_of(line.substr(colon + 2, end - colon - 2));
  const std::string_view printer = line.substr(0, colon);
  const bool known = std::any_of(kPrinters.begin(), kPrinters.end(),
                                 [&](std::string_view name) { return printer.ends_with(name); });
  if (!count || !known) return 0;
  report.remark = fmt::format(
      "the kernel did not print {} further line{} about crashes just before line {} (its rate "
      "limit): more processes died than this log tells of",
      *count, *count == 1 ? "" : "s", lines.front().number);
  return 1;
}

}  // namespace

const Format kAbnormalEnd = {
    .name = "kernel-audit", .triggers = kAbnormalTriggers, .read = read_abnormal_end};
const Format kKernelSuppressed = {
    .name = "kernel-suppressed", .triggers = kSuppressedTriggers, .read = read_suppressed};

}  // namespace inquest::diagnosis
