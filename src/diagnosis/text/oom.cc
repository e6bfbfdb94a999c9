// The kernel's out-of-memory killer: "Out of memory: Killed process 71 (node) total-vm:…".
#include <array>
#include <charconv>

#include "diagnosis/text/formats.h"

namespace inquest::diagnosis {
namespace {

constexpr std::array<std::string_view, 2> kTriggers = {"ut of memory: Kill", "invoked oom-killer"};

size_t read(TextLines lines, TextReport& report) {
  constexpr std::string_view kKilled = "Killed process ";
  const std::string_view line = lines.front().text;
  const size_t at = line.find(kKilled);
  if (at == std::string_view::npos) return 0;
  const std::string_view victim = line.substr(at + kKilled.size());
  int32_t pid = 0;
  const auto [end, error] = std::from_chars(victim.data(), victim.data() + victim.size(), pid);
  if (error != std::errc{}) return 0;
  Facts& facts = report.facts;
  facts.process.pid = pid;
  const size_t open = victim.find('('), close = victim.find(')');
  if (open != std::string_view::npos && close != std::string_view::npos && open < close) {
    facts.process.command = victim.substr(open + 1, close - open - 1);
  }
  facts.signal.number = 9;
  facts.signal.name = "SIGKILL";
  ReportedFacts& reported = facts.reported.emplace();
  reported.tool = "kernel log";
  reported.error = "out of memory";
  reported.excerpt.emplace_back(line);
  return 1;
}

}  // namespace

const Format kOomKill = {.name = "oom-kill", .triggers = kTriggers, .read = read};

}  // namespace inquest::diagnosis
