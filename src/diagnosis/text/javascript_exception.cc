// An exception that no JavaScript caught: Node, Deno and Bun print the source line, a mark below it
// and the stack before they leave.
#include <algorithm>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/javascript_stack.h"
#include "diagnosis/text/runtime_formats.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxSourceLines = 12;  // shown above the mark
constexpr size_t kMaxMessageLines = 32;
constexpr size_t kMaxPropertyLines = 200;

constexpr std::string_view kTriggers[] = {
    ".js:",  ".mjs:",   ".cjs:",   ".ts:",        ".mts:", ".tsx:",    ".jsx:",
    "node:", "file://", "[eval]:", "evalmachine", " | ",   "Uncaught "};

bool is_blank(std::string_view text) { return trim(text).empty(); }

// "         ^^^^"
bool is_mark(std::string_view text) {
  text = trim(text);
  return !text.empty() && text.find_first_not_of("^~") == std::string_view::npos &&
         text.find('^') != std::string_view::npos;
}

// "17 |   return cart.owner.name;": Bun's and Deno's source lines
bool is_numbered_source(std::string_view text) {
  Words words(trim(text));
  return words.take_number() && words.take(" |");
}

// The source excerpt at lines[0]: the lines up to and with the mark; 0 when there is none.
size_t take_source(TextLines lines, std::optional<RuntimeFrame>& place) {
  const std::string_view first = trim(lines[0].text);
  if (is_numbered_source(first)) {
    for (size_t i = 1; i < std::min(lines.size(), kMaxSourceLines); ++i) {
      if (is_mark(lines[i].text)) return i + 1;
      if (!is_numbered_source(lines[i].text)) return 0;
    }
    return 0;
  }
  // "/srv/app.js:2", and nothing else on the line
  RuntimeFrame frame;
  if (first.starts_with("at ") || first.find(' ') < first.rfind('/') ||
      !parse_runtime_place(first, frame) || frame.column != 0)
    return 0;
  for (size_t i = 1; i < std::min(lines.size(), size_t{4}); ++i) {
    if (!is_mark(lines[i].text)) continue;
    frame.role = runtime_role(Language::kJavaScript, "", frame.file);
    place = std::move(frame);
    return i + 1;
  }
  return 0;
}

// "Node.js v20.20.2", "Bun v1.3.10 (Linux x64)"
bool take_version(std::string_view text, Facts& facts) {
  text = trim(text);
  Words words(text);
  if (words.take("Node.js v")) {
    facts.process.runtime = "node " + std::string(words.take_word());
  } else if (words.take("Bun v")) {
    facts.process.runtime = "bun " + std::string(words.take_word());
  } else {
    return false;
  }
  return true;
}

// Message, stack and properties of the error, from lines[0] on.
size_t take_error(TextLines lines, Facts& facts) {
  size_t at = 0;
  while (at < lines.size() && at < 2 && is_blank(lines[at].text)) ++at;
  if (at >= lines.size()) return 0;
  std::string message(trim(lines[at].text));
  ++at;
  // Several lines of message only when a stack follows.
  for (size_t i = at; i < std::min(lines.size(), at + kMaxMessageLines); ++i) {
    const std::string_view text = trim(lines[i].text);
    if (text.starts_with("Node.js v") || is_mark(text)) break;
    if (!text.starts_with("at ") || !javascript_frame(text)) continue;
    for (; at < i; ++at) {
      if (!is_blank(lines[at].text)) message += "\n" + std::string(trim(lines[at].text));
    }
    break;
  }
  set_javascript_exception(message, facts.abort);
  return at + read_javascript_frames(lines.subspan(at), facts.crashing);
}

// "{ code: 'ENOENT' … }", "Emitted 'error' event at:" and its stack, hints, the version. Returns
// the lines up to the last that belongs to the report.
size_t take_tail(TextLines lines, Facts& facts) {
  size_t end = 0;
  for (size_t i = 0; i < std::min(lines.size(), kMaxPropertyLines); ++i) {
    const std::string_view text = trim(lines[i].text);
    if (take_version(text, facts)) return i + 1;
    const bool indented = lines[i].text.starts_with(' ');
    const bool belongs = indented || text.starts_with("}") || text.starts_with("Emitted '") ||
                         text.starts_with("(Use `node") || text.starts_with("Thrown at:") ||
                         text.starts_with("at ");
    if (text.starts_with("(Use `node")) facts.process.runtime = "node";
    if (belongs) end = i + 1;
    if (!belongs && !text.empty()) break;
  }
  return end;
}

void place_without_stack(std::optional<RuntimeFrame> place, Facts& facts) {
  if (!facts.crashing.frames.empty() || !place) return;
  append_runtime_frame(std::move(*place), facts.crashing);
  facts.crashing.end = "not printed";
}

void begin(Facts& facts) {
  facts.reported.emplace().tool = "JavaScript";
  facts.reported->error = "uncaught exception";
  facts.process.language = "JavaScript";
  if (facts.process.runtime.starts_with("node")) facts.process.command = "node";
  if (facts.process.runtime.starts_with("bun")) facts.process.command = "bun";
}

// "Uncaught TypeError: x", a blank line, "FROM" and the stack (--abort-on-uncaught-exception);
// "Uncaught Exception: …" with the error below it.
size_t read_uncaught(TextLines lines, TextReport& report) {
  const std::string_view text = trim(lines[0].text);
  const size_t start = text.find("Uncaught ");
  if (start == std::string_view::npos) return 0;
  Facts& facts = report.facts;
  size_t at = 1;
  if (text.substr(start).starts_with("Uncaught Exception:")) {
    const size_t taken = take_error(lines.subspan(1), facts);
    if (taken == 0 || facts.crashing.frames.empty()) return 0;
    at += taken;
  } else {
    if (start != 0 || !is_javascript_exception(text.substr(9))) return 0;
    set_javascript_exception(text, facts.abort);
    while (at < lines.size() && at < 3 && is_blank(lines[at].text)) ++at;
    if (at < lines.size() && trim(lines[at].text) == "FROM") {
      for (++at; at < lines.size(); ++at) {
        auto frame = javascript_frame(lines[at].text);
        if (!frame) break;
        append_runtime_frame(std::move(*frame), facts.crashing);
      }
    } else {
      at = 1 + read_javascript_frames(lines.subspan(1), facts.crashing);
    }
    if (facts.crashing.frames.empty()) return 0;
  }
  begin(facts);
  return finish_report(lines, at, kJavaScriptException.name, report);
}

size_t read_report(TextLines lines, TextReport& report) {
  std::optional<RuntimeFrame> place;
  const size_t source = take_source(lines, place);
  if (source == 0) return read_uncaught(lines, report);
  Facts& facts = report.facts;
  const size_t error = take_error(lines.subspan(source), facts);
  if (error == 0) return 0;
  const size_t taken = source + error;
  const size_t tail = take_tail(lines.subspan(taken), facts);
  // Compilers and linters mark source lines too: without a stack, only the runtime's own last line
  // shows that a program ended.
  if (facts.crashing.frames.empty() && facts.process.runtime.empty()) return 0;
  if (!is_javascript_exception(facts.abort.message) && facts.process.runtime.empty()) return 0;
  begin(facts);
  place_without_stack(std::move(place), facts);
  return finish_report(lines, taken + tail, kJavaScriptException.name, report);
}

}  // namespace

const Format kJavaScriptException = {"javascript-exception", kTriggers, read_report};

}  // namespace inquest::diagnosis
