// The fatal lines of PHP and .NET.
#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/facts/signals.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/runtime_formats.h"
#include "diagnosis/text/runtime_stack.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr std::string_view kPhpTriggers[] = {
    "Fatal error: ", "Fatal error:  ", " exited on signal "};
constexpr std::string_view kDotNetTriggers[] = {"Unhandled exception. ",
                                                "Unhandled Exception: ", "Fatal error. "};
constexpr size_t kMaxFrames = 1000;

// "/srv/a.php(3): Shop->price()" or "/srv/a.php:2"
bool php_place(std::string_view text, RuntimeFrame& frame) {
  if (!text.ends_with(')')) return parse_runtime_place(text, frame);
  const size_t open = text.rfind('(');
  if (open == std::string_view::npos) return false;
  const auto line = number_of(text.substr(open + 1, text.size() - open - 2));
  if (!line || *line > UINT32_MAX) return false;
  frame.file = text.substr(0, open);
  frame.line = static_cast<uint32_t>(*line);
  return true;
}

// "#0 /srv/a.php(3): Shop->price()": who was called, and from where. PHP names the callee beside
// the caller's place, so each name belongs to the place of the frame above.
size_t take_php_stack(TextLines lines, RuntimeFrame thrown, StackFacts& stack) {
  size_t at = 0;
  RuntimeFrame frame = std::move(thrown);
  for (; at < std::min(lines.size(), kMaxFrames); ++at) {
    Words words(trim(lines[at].text));
    if (!words.take("#") || !words.take_number() || !words.take(" ")) break;
    const std::string_view rest = words.rest();
    RuntimeFrame next;
    const size_t colon = rest.find(": ");
    if (colon != std::string_view::npos) {
      frame.function = rest.substr(colon + 2);
      frame.short_name = frame.function.substr(0, frame.function.find('('));
      if (!php_place(rest.substr(0, colon), next)) next.file = rest.substr(0, colon);
    }
    if (frame.function.empty()) frame.function = rest;
    frame.role = runtime_role(Language::kPhp, frame.function, frame.file);
    append_runtime_frame(std::move(frame), stack);
    frame = std::move(next);
  }
  return at;
}

// "WARNING: [pool www] child 123 exited on signal 11 (SIGSEGV - core dumped) after 5.1 seconds"
size_t read_fpm(TextLines lines, TextReport& report) {
  Words words(lines[0].text);
  const auto head = words.take_until(" exited on signal ");
  if (!head) return 0;
  const size_t child = head->rfind("child ");
  const auto number = words.take_number();
  if (child == std::string_view::npos || head->find("[pool ") == std::string_view::npos ||
      !number || *number == 0 || *number > 64)
    return 0;
  Facts& facts = report.facts;
  facts.reported.emplace().tool = "PHP-FPM";
  facts.reported->error = trim(lines[0].text);
  facts.process.command = "php-fpm";
  facts.process.runtime = "php";
  if (const auto pid = number_of(head->substr(child + 6)); pid && *pid <= INT32_MAX)
    facts.process.pid = static_cast<int32_t>(*pid);
  set_signal(facts, static_cast<int>(*number));
  facts.crashing.end = "not printed";
  facts.missing.push_back({"the text holds no stack", {}});
  facts.advice.emplace_back(
      "set rlimit_core = unlimited in the pool, and give the core to `inquest explain`");
  return finish_report(lines, 1, kPhpFatal.name, report);
}

void set_php_cause(std::string_view message, Facts& facts) {
  facts.abort.message = message.substr(0, kMaxAbortText);
  facts.abort.kind = AbortFacts::Kind::kOther;
  if (message.starts_with("Allowed memory size") || message.starts_with("Out of memory")) {
    facts.abort.kind = AbortFacts::Kind::kOutOfMemory;
  } else if (message.starts_with("Uncaught ")) {
    facts.abort.kind = AbortFacts::Kind::kException;
    const std::string_view rest = message.substr(9);
    facts.abort.exception_type = rest.substr(0, rest.find(": "));
    if (rest.find(": ") != std::string_view::npos)
      facts.abort.exception_what = rest.substr(rest.find(": ") + 2);
  }
}

// "PHP Fatal error:  Uncaught Error: … in /srv/a.php:2" with "Stack trace:" below it
size_t read_php(TextLines lines, TextReport& report) {
  if (const size_t taken = read_fpm(lines, report)) return taken;
  Words words(lines[0].text);
  if (!words.take_until("Fatal error: ")) return 0;
  std::string_view message = trim(words.rest());
  const size_t in = message.rfind(" in ");
  if (in == std::string_view::npos) return 0;
  std::string place(message.substr(in + 4));
  if (const size_t on = place.find(" on line "); on != std::string::npos) place.replace(on, 9, ":");
  RuntimeFrame thrown;
  if (!parse_runtime_place(place, thrown)) return 0;
  // "PHP Fatal error:  Uncaught …" is nobody else's; other words need a file of PHP behind them.
  if (thrown.file.find(".php") == std::string::npos && !message.starts_with("Uncaught ")) return 0;
  message = message.substr(0, in);
  Facts& facts = report.facts;
  size_t at = 1;
  if (at < lines.size() && trim(lines[at].text) == "Stack trace:") {
    ++at;
    at += take_php_stack(lines.subspan(at), thrown, facts.crashing);
    if (at < lines.size() && trim(lines[at].text).starts_with("thrown in ")) ++at;
  }
  if (facts.crashing.frames.empty()) {
    thrown.role = runtime_role(Language::kPhp, "", thrown.file);
    append_runtime_frame(std::move(thrown), facts.crashing);
    facts.crashing.end = "not printed";
  }
  set_php_cause(message, facts);
  facts.reported.emplace().tool = "PHP";
  facts.reported->error = facts.abort.message;
  facts.process.language = "PHP";
  facts.process.runtime = "php";
  facts.process.command = "php";
  return finish_report(lines, at, kPhpFatal.name, report);
}

// "   at Shop.Cart.Price(Int32 i) in /src/Cart.cs:line 18"
bool take_dotnet_frame(std::string_view text, StackFacts& stack) {
  Words words(trim(text));
  if (!words.take("at ")) return false;
  RuntimeFrame frame;
  const std::string_view rest = words.rest();
  const size_t in = rest.rfind(") in ");
  frame.function = in == std::string_view::npos ? rest : rest.substr(0, in + 1);
  frame.short_name = frame.function.substr(0, frame.function.find('('));
  if (in != std::string_view::npos) {
    std::string place(rest.substr(in + 5));
    if (const size_t line = place.rfind(":line "); line != std::string::npos)
      place.replace(line, 6, ":");
    parse_runtime_place(place, frame);
  }
  frame.role = runtime_role(Language::kDotNet, frame.short_name, frame.file);
  append_runtime_frame(std::move(frame), stack);
  return true;
}

size_t read_dotnet(TextLines lines, TextReport& report) {
  Words words(trim(lines[0].text));
  const bool fatal = words.take("Fatal error. ");
  if (!fatal && !words.take("Unhandled exception. ") && !words.take("Unhandled Exception: "))
    return 0;
  const std::string_view text = words.rest();
  Facts& facts = report.facts;
  size_t at = 1;
  for (; at < std::min(lines.size(), kMaxFrames); ++at) {
    const std::string_view line = trim(lines[at].text);
    if (line.starts_with("--- End of ") || line.starts_with("---> ")) continue;
    if (!take_dotnet_frame(line, facts.crashing)) break;
  }
  const bool dotted = text.substr(0, text.find(": ")).find('.') != std::string_view::npos;
  if (facts.crashing.frames.empty() || (!fatal && !dotted)) return 0;
  const size_t colon = text.find(": ");
  facts.abort.exception_type = text.substr(0, colon);
  if (colon != std::string_view::npos)
    facts.abort.exception_what = text.substr(colon + 2).substr(0, kMaxAbortText);
  facts.abort.message = text.substr(0, kMaxAbortText);
  facts.abort.kind = AbortFacts::Kind::kException;
  if (text.find("System.OutOfMemoryException") != std::string_view::npos)
    facts.abort.kind = AbortFacts::Kind::kOutOfMemory;
  set_signal(facts, kSigAbrt);
  facts.reported.emplace().tool = ".NET";
  facts.reported->error = fatal ? facts.abort.message : "uncaught exception";
  facts.process.language = "C#";
  facts.process.runtime = "dotnet";
  facts.process.command = "dotnet";
  return finish_report(lines, at, kDotNetFatal.name, report);
}

}  // namespace

const Format kPhpFatal = {"php-fatal", kPhpTriggers, read_php};
const Format kDotNetFatal = {"dotnet-fatal", kDotNetTriggers, read_dotnet};

}  // namespace inquest::diagnosis
