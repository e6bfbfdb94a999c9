// What systemd-coredump writes to the journal, and what `coredumpctl info` prints around it:
//
//   Process 456 (foo) of user 1000 dumped core.
//
//   Stack trace of thread 456:
//   #0  0x00007f1c2a83bef5 raise (libc.so.6 + 0x38ef5)
//   #1  0x000055d0a1b3c139 n/a (foo + 0x1139)
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "diagnosis/text/complete.h"
#include "diagnosis/text/formats.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr std::array<std::string_view, 2> kTriggers = {" dumped core.", "PID: "};

constexpr size_t kMaxLines = 20'000;
constexpr size_t kMaxFields = 60;  // lines before the message
constexpr size_t kMaxThreads = 512;
constexpr size_t kMaxFrames = 4096;  // of one thread
constexpr size_t kMaxGap = 12;       // other lines between the message and its stacks

// "Process 456 (foo) of user 1000 dumped core."
bool take_message(std::string_view line, Facts& facts) {
  const size_t at = line.find("Process ");
  if (at == std::string_view::npos || line.find(" dumped core.", at) == std::string_view::npos)
    return false;
  Words words(line.substr(at + 8));
  const auto pid = words.take_number();
  if (!pid || *pid > INT32_MAX || !words.take(" (")) return false;
  const auto name = words.take_until(") of user ");
  if (!name) return false;
  facts.process.pid = static_cast<int32_t>(*pid);
  facts.process.command = *name;
  if (const auto uid = words.take_number(); uid && *uid < UINT32_MAX)
    facts.process.uid = static_cast<uint32_t>(*uid);
  return true;
}

// "Signal: 11 (SEGV)" and the other fields of `coredumpctl info`.
bool take_field(std::string_view line, Facts& facts) {
  Words words(trim_left(line));
  if (words.take("Signal: ")) {
    if (const auto number = words.take_number(); number && *number > 0 && *number < 65)
      set_signal(facts, static_cast<int>(*number));
  } else if (words.take("Executable: ")) {
    if (words.rest().starts_with('/')) facts.process.executable = words.rest();
  } else if (words.take("Command Line: ")) {
    facts.process.arguments = words.rest();
  } else if (words.take("Unit: ")) {
    facts.other.push_back({fmt::format("it ran in {}", words.rest()), {}});
  } else if (words.take("Storage: ")) {
    facts.other.push_back({fmt::format("its core: {}", words.rest()), {}});
  } else {
    return false;
  }
  return true;
}

// "#1  0x000055d0a1b3c139 n/a (foo + 0x1139)", "#2 0x… main (/usr/bin/foo + 0x1139)"
bool take_frame(std::string_view line, StackFacts& stack) {
  Words words(trim_left(line));
  if (!words.take("#") || !words.take_number()) return false;
  words.skip_blanks();
  const auto pc = words.take_hex();
  if (!pc || !words.take(" ")) return false;
  const std::string_view rest = words.rest();
  const size_t open = rest.rfind(" (");
  if (open == std::string_view::npos || !rest.ends_with(')')) return false;
  if (stack.frames.size() >= kMaxFrames) return true;
  FrameFact frame;
  frame.index = stack.frames.size();
  frame.pc = Address(*pc);
  const std::string_view place = rest.substr(open + 2, rest.size() - open - 3);
  const size_t plus = place.rfind(" + 0x");
  frame.module = place.substr(0, std::min(plus, place.size()));
  if (frame.module == "n/a") frame.module.clear();
  if (plus != std::string_view::npos)
    frame.module_offset = hex_of(place.substr(plus + 3)).value_or(0);
  FunctionFact& function = frame.functions.emplace_back();
  if (const std::string_view name = rest.substr(0, open); name != "n/a") {
    function.name = name;
    function.short_name = name.substr(0, name.find('('));
  }
  frame.found_by = "reported";
  stack.frames.push_back(std::move(frame));
  stack.total_frames = stack.frames.size();
  return true;
}

// "Stack trace of thread 456:"
std::optional<int32_t> stack_heading(std::string_view line) {
  Words words(trim_left(line));
  if (!words.take("Stack trace of thread ")) return std::nullopt;
  const auto tid = words.take_number();
  return tid && *tid <= INT32_MAX ? std::optional(static_cast<int32_t>(*tid)) : std::nullopt;
}

// The stacks behind the message; the number of lines up to the end of the last.
size_t take_stacks(TextLines lines, Facts& facts) {
  size_t used = 0, gap = 0;
  StackFacts* stack = nullptr;
  size_t stacks = 0;
  for (size_t i = 0; i < std::min(lines.size(), kMaxLines) && gap < kMaxGap; ++i) {
    const std::string_view line = lines[i].text;
    if (const auto tid = stack_heading(line)) {
      if (stacks >= kMaxThreads) break;
      stack = stacks++ == 0 ? &facts.crashing : &facts.others.emplace_back();
      stack->tid = *tid;
    } else if (stack == nullptr || !take_frame(line, *stack)) {
      if (line.find(" dumped core.") != std::string_view::npos) break;
      // Between them stand empty lines, modules with their build-ids and packages.
      gap = trim(line).empty() || trim_left(line).starts_with("Module ") ? gap : gap + 1;
      continue;
    }
    used = i + 1;
    gap = 0;
  }
  return used;
}

size_t read(TextLines lines, TextReport& report) {
  Facts facts;
  size_t message = 0;
  if (!take_message(lines.front().text, facts)) {
    if (!trim_left(lines.front().text).starts_with("PID: ")) return 0;
    bool any = false;
    while (true) {
      if (++message >= std::min(lines.size(), kMaxFields)) return 0;
      any = take_field(lines[message].text, facts) || any;
      if (take_message(lines[message].text, facts)) break;
    }
    if (!any) return 0;
  }
  const size_t used = message + 1 + take_stacks(lines.subspan(message + 1), facts);
  ReportedFacts& reported = facts.reported.emplace();
  reported.tool = "systemd-coredump";
  reported.error =
      facts.signal.number == 0 ? "dumped core" : "dumped core after " + facts.signal.name;
  for (size_t i = 0; i < std::min<size_t>(used, 24); ++i)
    reported.excerpt.emplace_back(lines[i].text);
  if (facts.crashing.tid == 0) facts.crashing.tid = facts.process.pid;
  facts.missing.push_back({"the journal's message holds names and offsets only, no memory", {}});
  facts.advice.push_back(fmt::format("coredumpctl dump {0} -o core.{0} && inquest explain core.{0}",
                                     facts.process.pid));
  complete_facts(facts);
  report.facts = std::move(facts);
  return used;
}

}  // namespace

const Format kCoredumpMessage = {.name = "systemd-coredump", .triggers = kTriggers, .read = read};

}  // namespace inquest::diagnosis
