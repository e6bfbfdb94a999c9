// One line of a supervisor, a server or a shell: a process died of a signal. Little is known from
// it, and that much is said.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "diagnosis/text/complete.h"
#include "diagnosis/text/formats.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

// Where the name of what died stands.
enum class Name : uint8_t { kNone, kWordBefore, kWordAfter, kLastWord };

struct Form {
  std::string_view tool;
  std::string_view marker;
  Name name = Name::kNone;
};

// The first that stands in the line.
constexpr Form kForms[] = {
    {"gunicorn", ") was sent SIG"},
    {"gunicorn", " was terminated due to signal "},
    {"systemd", ": Main process exited, code=killed", Name::kWordBefore},
    {"systemd", ": Main process exited, code=dumped", Name::kWordBefore},
    {"systemd", ": Control process exited, code=killed", Name::kWordBefore},
    {"systemd", ": Control process exited, code=dumped", Name::kWordBefore},
    {"uWSGI", ") died, killed by signal "},
    {"uWSGI", " got Segmentation Fault !!!"},
    {"supervisord", " (terminated by SIG", Name::kWordBefore},
    {"php-fpm", " exited on signal "},
    {"Apache", " exit signal "},
    {"PostgreSQL", " was terminated by signal "},
    {"pm2", " via signal [SIG"},
    {"npm", "npm ERR! signal SIG"},
    {"npm", "npm error signal SIG"},
    {"Python", "died with <Signals.SIG"},
    {"Rust", "(signal: "},
    {"Go", "signal: segmentation fault"},
    {"Go", "signal: aborted"},
    {"Go", "signal: killed"},
    {"Docker", " exited with code 13", Name::kWordBefore},
    {"Kubernetes", "OOMKilled"},
    {"Kubernetes", "Exit Code: "},
    {"Kubernetes", "exitCode: "},
    {"", " killed by signal "},
    {"", " terminated by signal "},
    {"", "exit code 13"},
    {"", "exit status 13"},
    {"", "exit code: 13"},
    {"", "exitcode=-"},
    {"", "exit code -"},
    {"the shell", "Segmentation fault", Name::kLastWord},
    {"the shell", "(core dumped)", Name::kLastWord},
};

constexpr auto kTriggers = [] {
  std::array<std::string_view, std::size(kForms)> markers;
  for (size_t i = 0; i < markers.size(); ++i) markers[i] = kForms[i].marker;
  return markers;
}();

constexpr int kSigInt = 2, kSigAbrt = 6, kSigKill = 9, kSigTerm = 15;

struct Phrase {
  std::string_view words;
  int signal;
};
constexpr Phrase kPhrases[] = {{"egmentation fault", 11},
                               {"egmentation Fault", 11},
                               {"Bus error", 7},
                               {"bus error", 7},
                               {"Aborted", kSigAbrt},
                               {"signal: aborted", kSigAbrt},
                               {"Illegal instruction", 4},
                               {"Floating point exception", 8},
                               {"Trace/breakpoint trap", 5},
                               {"signal: killed", kSigKill},
                               {"Killed", kSigKill},
                               {"OOMKilled", kSigKill}};

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

std::optional<int> number_behind(std::string_view line, std::string_view key) {
  for (size_t at = line.find(key); at != std::string_view::npos; at = line.find(key, at + 1)) {
    Words words(line.substr(at + key.size()));
    words.skip_blanks();
    if (const auto number = words.take_number(); number && *number < 1000)
      return static_cast<int>(*number);
  }
  return std::nullopt;
}

// 139 → 11, as shells and containers count.
int signal_of_status(int status) { return status > 128 && status < 128 + 65 ? status - 128 : 0; }

int named_signal(std::string_view line) {
  for (size_t at = line.find("SIG"); at != std::string_view::npos; at = line.find("SIG", at + 3)) {
    size_t end = at;
    while (end < line.size() && is_upper(line[end])) ++end;
    if (const int number = signal_number_of(line.substr(at, end - at)); number != 0) return number;
  }
  return 0;
}

int signal_in(std::string_view line) {
  if (const int named = named_signal(line); named != 0) return named;
  for (const std::string_view key : {"signal ", "signal: ", "status="}) {
    const bool is_status = key == "status=";
    if (is_status && line.find("code=killed") == std::string_view::npos &&
        line.find("code=dumped") == std::string_view::npos)
      continue;
    if (const auto number = number_behind(line, key); number && *number > 0 && *number < 65)
      return *number;
  }
  for (const std::string_view key : {"exitcode=-", "exit code -"}) {
    if (const auto number = number_behind(line, key); number && *number > 0 && *number < 65)
      return *number;
  }
  for (const std::string_view key : {"code ", "Code:", "exitCode:", "code: ", "status "}) {
    if (const auto status = number_behind(line, key))
      if (const int signal = signal_of_status(*status); signal != 0) return signal;
  }
  for (const Phrase& phrase : kPhrases) {
    if (line.find(phrase.words) != std::string_view::npos) return phrase.signal;
  }
  return 0;
}

int32_t pid_in(std::string_view line) {
  for (const std::string_view key :
       {"Worker with pid ", "pid: ", "pid:", "(PID ", "pid ", "process ", "child "}) {
    const size_t at = line.find(key);
    if (at == std::string_view::npos) continue;
    Words words(line.substr(at + key.size()));
    if (const auto pid = words.take_number(); pid && *pid > 0 && *pid <= INT32_MAX)
      return static_cast<int32_t>(*pid);
  }
  return 0;
}

// "./run.sh: line 3:  1234 Segmentation fault      (core dumped) ./app --fast": what a shell
// says. Without the number in front the line may be about anything that was started last.
void read_shell(std::string_view line, Facts& facts) {
  const size_t mark = line.find(": line ");
  if (mark == std::string_view::npos) return;
  Words words(line.substr(mark + 7));
  if (!words.take_number() || !words.take(":")) return;
  words.skip_blanks();
  if (const auto pid = words.take_number(); pid && *pid <= INT32_MAX)
    facts.process.pid = static_cast<int32_t>(*pid);
  std::string_view rest = words.rest();
  const size_t dumped = rest.find("(core dumped) ");
  const size_t blanks = rest.find("   ");
  if (dumped != std::string_view::npos) {
    rest = rest.substr(dumped + 14);
  } else if (blanks != std::string_view::npos) {
    rest = trim_left(rest.substr(blanks));
  } else {
    return;
  }
  facts.process.arguments = trim(rest);
  const std::string_view program = trim(rest).substr(0, trim(rest).find(' '));
  facts.process.command = program.substr(program.rfind('/') + 1);
}

std::string_view name_of(std::string_view line, const Form& form, size_t at) {
  if (form.name != Name::kWordBefore) return {};
  const std::string_view before = line.substr(0, at);
  return before.substr(before.find_last_of(" \t") + 1);
}

const Form* find_form(std::string_view line) {
  for (const Form& form : kForms) {
    if (line.find(form.marker) != std::string_view::npos) return &form;
  }
  return nullptr;
}

size_t read(TextLines lines, TextReport& report) {
  const std::string_view line = lines.front().text;
  const Form* form = find_form(line);
  if (form == nullptr || line.size() > 1000) return 0;
  const int signal = signal_in(line);
  // What operators and deployments do every day is no crash.
  if (signal == 0 || signal == kSigInt || signal == kSigTerm || signal == 1) return 0;
  Facts& facts = report.facts;
  set_signal(facts, signal);
  facts.process.pid = pid_in(line);
  facts.process.command = name_of(line, *form, line.find(form->marker));
  if (form->name == Name::kLastWord) read_shell(line, facts);
  const bool oom = line.find("OOMKilled") != std::string_view::npos;
  ReportedFacts& reported = facts.reported.emplace();
  reported.tool = form->tool.empty() ? "a supervisor" : std::string(form->tool);
  reported.error = oom ? "out of memory" : "died of " + facts.signal.name;
  if (oom) {
    reported.summary =
        "not a segfault: the container was killed because it reached the memory "
        "limit of its pod, or the node had no memory left";
  }
  reported.excerpt.emplace_back(line);
  if (!oom) {
    facts.missing.push_back(
        {"this line says that a process died, and nothing about where or why", {}});
    facts.advice.push_back(
        signal == kSigKill
            ? "see whether it was killed for memory: journalctl -k, dmesg -T, kubectl describe pod"
            : "look for the core (coredumpctl info; cat /proc/sys/kernel/core_pattern) and the "
              "kernel's line (journalctl -k, dmesg -T), and explain those");
  }
  complete_facts(facts);
  return 1;
}

}  // namespace

const Format kSupervisor = {.name = "supervisor", .triggers = kTriggers, .read = read};

}  // namespace inquest::diagnosis
