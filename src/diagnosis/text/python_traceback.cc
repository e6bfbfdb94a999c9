// A Python traceback: an exception that left the program, or that a logger wrote down.
#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/facts/signals.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/python_stack.h"
#include "diagnosis/text/runtime_formats.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr std::string_view kTriggers[] = {"Traceback (most recent call last):"};
constexpr std::string_view kLinks[] = {
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:"};
constexpr size_t kMaxLinks = 16, kMaxGroupLines = 2000;

struct Raised {
  std::string type, message;
  StackFacts stack;
  size_t lines = 0;
};

bool is_type(std::string_view text) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
  };
  return !text.empty() && (text.front() < '0' || text.front() > '9') &&
         std::all_of(text.begin(), text.end(), is_part);
}

// One traceback and the exception below it.
std::optional<Raised> read_one(TextLines lines) {
  if (lines.empty() || !trim(lines[0].text).ends_with(kTriggers[0])) return std::nullopt;
  Raised raised;
  size_t at = 1 + read_traceback_frames(lines.subspan(1), raised.stack);
  if (at == 1 || at >= lines.size()) return std::nullopt;
  const std::string_view text = trim(lines[at].text);
  const size_t colon = text.find(':');
  const std::string_view type = text.substr(0, colon);
  if (!is_type(type)) return std::nullopt;
  raised.type = type;
  if (colon != std::string_view::npos) raised.message = trim(text.substr(colon + 1));
  raised.lines = at + 1;
  return raised;
}

// "…another exception occurred:" between blank lines: the lines up to the next traceback.
size_t link_lines(TextLines lines) {
  size_t at = 0;
  while (at < lines.size() && at < 2 && trim(lines[at].text).empty()) ++at;
  if (at >= lines.size()) return 0;
  const std::string_view text = trim(lines[at].text);
  if (text != kLinks[0] && text != kLinks[1]) return 0;
  ++at;
  while (at < lines.size() && trim(lines[at].text).empty()) ++at;
  return at;
}

// The shell's or the C library's words right behind the traceback.
size_t take_death(TextLines lines, Facts& facts) {
  if (lines.empty()) return 0;
  const std::string_view text = trim(lines[0].text);
  if (text.starts_with("Segmentation fault")) {
    set_signal(facts, kSigSegv);
    return 1;
  }
  if (text == "Aborted" || text.starts_with("Aborted (core dumped)")) {
    set_signal(facts, kSigAbrt);
    return 1;
  }
  return 0;
}

// Exception groups stand behind "  + " and "  | ".
std::vector<TextLine> without_margin(TextLines lines) {
  std::vector<TextLine> plain;
  for (size_t i = 0; i < std::min(lines.size(), kMaxGroupLines); ++i) {
    const std::string_view text = trim_left(lines[i].text);
    if (i > 0 && !text.starts_with('|')) break;
    TextLine line = lines[i];
    line.text = text.substr(std::min<size_t>(text.size(), 2));
    plain.push_back(line);
  }
  return plain;
}

size_t read_report(TextLines lines, TextReport& report) {
  std::vector<TextLine> plain;
  if (trim_left(lines[0].text).starts_with("+ Exception Group")) {
    plain = without_margin(lines);
    lines = plain;
  }
  auto raised = read_one(lines);
  if (!raised) return 0;
  size_t taken = raised->lines;
  Facts& facts = report.facts;
  for (size_t links = 0; links < kMaxLinks; ++links) {
    const size_t skip = link_lines(lines.subspan(taken));
    if (skip == 0) break;
    auto next = read_one(lines.subspan(taken + skip));
    if (!next) break;
    facts.other.push_back({fmt::format("before that: {}: {}", raised->type, raised->message), {}});
    taken += skip + next->lines;
    raised = std::move(next);
  }
  facts.reported.emplace().tool = "Python";
  facts.reported->error = "traceback";
  facts.process.language = "Python";
  facts.process.runtime = "python";
  facts.process.command = "python";
  facts.abort.kind = raised->type == "AssertionError" ? AbortFacts::Kind::kAssertion
                     : raised->type == "MemoryError"  ? AbortFacts::Kind::kOutOfMemory
                                                      : AbortFacts::Kind::kException;
  facts.abort.exception_type = raised->type;
  facts.abort.exception_what = raised->message.substr(0, kMaxAbortText);
  facts.abort.message =
      raised->message.empty() ? raised->type : raised->type + ": " + facts.abort.exception_what;
  facts.crashing = std::move(raised->stack);
  taken += take_death(lines.subspan(taken), facts);
  return finish_report(lines, taken, kPythonTraceback.name, report);
}

}  // namespace

const Format kPythonTraceback = {"python-traceback", kTriggers, read_report};

}  // namespace inquest::diagnosis
