// Programs that kill others before the kernel has to: systemd-oomd and earlyoom.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "diagnosis/text/complete.h"
#include "diagnosis/text/formats.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr std::array<std::string_view, 4> kTriggers = {"Killed /", "sending SIGTERM to process ",
                                                       "sending SIGKILL to process ",
                                                       "been killed by the OOM killer"};

void finish(std::string tool, std::string summary, TextLines lines, size_t used,
            TextReport& report) {
  Facts& facts = report.facts;
  ReportedFacts& reported = facts.reported.emplace();
  reported.tool = std::move(tool);
  reported.error = "out of memory";
  reported.summary = std::move(summary);
  for (size_t i = 0; i < used; ++i) reported.excerpt.emplace_back(lines[i].text);
  complete_facts(facts);
}

// "Killed /user.slice/… due to memory pressure for /user.slice being 71.30% > 50.00% for > 20s …"
bool read_oomd(TextLines lines, TextReport& report) {
  const std::string_view line = lines.front().text;
  const size_t at = line.find("Killed /"), due = line.find(" due to ");
  if (at == std::string_view::npos || due == std::string_view::npos || due < at) return false;
  const std::string_view why = line.substr(due + 8);
  if (why.find("memory") == std::string_view::npos && why.find("swap") == std::string_view::npos)
    return false;
  const std::string_view cgroup = line.substr(at + 7, due - at - 7);
  report.facts.process.command = cgroup.substr(cgroup.rfind('/') + 1);
  set_signal(report.facts, 9);
  finish("systemd-oomd",
         fmt::format("not a segfault: systemd-oomd killed everything in {} due to {}", cgroup, why),
         lines, 1, report);
  return true;
}

// "sending SIGTERM to process 1234 uid 1000 "chrome": badness 900, VmRSS 2048 MiB"
bool read_earlyoom(TextLines lines, TextReport& report) {
  const std::string_view line = lines.front().text;
  const size_t at = line.find("sending SIG");
  if (at == std::string_view::npos) return false;
  Words words(line.substr(at + 8));
  const std::string_view signal = words.take_word();
  if (!words.take(" to process ")) return false;
  const auto pid = words.take_number();
  if (!pid || *pid == 0 || *pid > INT32_MAX) return false;
  if (words.take(" uid ")) {
    if (const auto uid = words.take_number(); uid && *uid < UINT32_MAX)
      report.facts.process.uid = static_cast<uint32_t>(*uid);
  }
  words.skip_blanks();
  if (!words.take("\"")) return false;
  const auto name = words.take_until("\"");
  if (!name) return false;
  report.facts.process.pid = static_cast<int32_t>(*pid);
  report.facts.process.command = *name;
  set_signal(report.facts, signal_number_of(signal));
  std::string summary = "not a segfault: earlyoom killed it because the memory was nearly full";
  if (const size_t held = line.find("VmRSS "); held != std::string_view::npos)
    summary += fmt::format("; it held {} of memory", line.substr(held + 6));
  finish("earlyoom", std::move(summary), lines, 1, report);
  return true;
}

// "foo.service: A process of this unit has been killed by the OOM killer."
bool read_systemd(TextLines lines, TextReport& report) {
  const std::string_view line = lines.front().text;
  const size_t at = line.find(": A process of this unit has been killed by the OOM killer");
  if (at == std::string_view::npos) return false;
  const size_t start = line.rfind(' ', at);
  report.facts.process.command =
      line.substr(start == std::string_view::npos ? 0 : start + 1,
                  at - (start == std::string_view::npos ? 0 : start + 1));
  set_signal(report.facts, 9);
  finish("systemd",
         fmt::format("not a segfault: the kernel's out-of-memory killer ended a process of {}; the "
                     "kernel's log of that time says which and why (journalctl -k)",
                     report.facts.process.command),
         lines, 1, report);
  return true;
}

size_t read(TextLines lines, TextReport& report) {
  return read_oomd(lines, report) || read_earlyoom(lines, report) || read_systemd(lines, report)
             ? 1
             : 0;
}

}  // namespace

const Format kUserOom = {.name = "user-oom", .triggers = kTriggers, .read = read};

}  // namespace inquest::diagnosis
