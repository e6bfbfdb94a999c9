// V8's own last words, in Node, Chromium and d8:
//
//   #
//   # Fatal error in ../../src/heap/mark-compact.h, line 54
//   # Check failed: !IsImpossible(mark_bit).
//   #
#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/facts/signals.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/native_stack.h"
#include "diagnosis/text/runtime_formats.h"
#include "diagnosis/text/runtime_stack.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr std::string_view kTriggers[] = {"# Fatal error", "# Fatal JavaScript", "# Fatal process",
                                          "# Fatal javascript", "abort: CSA_"};
constexpr size_t kMaxHead = 16, kMaxGap = 3;

struct Death {
  std::string where;    // "v8::HandleScope::CreateHandle()": what stands there instead of a file
  std::string message;  // "Check failed: !IsImpossible(mark_bit)."
  RuntimeFrame place;
  StackFacts native, javascript;
};

// "# Fatal error in ../../src/heap/mark-compact.h, line 54"
bool take_first(std::string_view text, Death& death) {
  Words words(text);
  if (!words.take("# Fatal ")) return false;
  if (!words.take("error")) {
    // "# Fatal JavaScript out of memory: Reached heap limit", "# Fatal process out of memory: Zone"
    death.message = text.substr(2);
    return true;
  }
  if (!words.take(" in ")) return trim(words.rest()).empty();
  const std::string_view rest = trim(words.rest());
  const size_t comma = rest.rfind(", line ");
  if (comma == std::string_view::npos) {
    death.where = rest;
    return true;
  }
  const auto line = number_of(rest.substr(comma + 7));
  if (!line || *line > UINT32_MAX) return true;
  death.place.file = rest.substr(0, comma);
  death.place.line = static_cast<uint32_t>(*line);
  return true;
}

// The lines with '#' below the first.
size_t take_message(TextLines lines, Death& death) {
  size_t at = 0;
  for (; at < std::min(lines.size(), kMaxHead); ++at) {
    const std::string_view text = trim(lines[at].text);
    if (!text.starts_with('#')) break;
    const std::string_view words = trim(text.substr(1));
    if (words.empty() || words.starts_with("#") || words.starts_with("FailureMessage Object"))
      continue;
    if (words.starts_with("Fatal ")) break;
    if (!death.message.empty()) death.message += '\n';
    death.message += words;
  }
  return at;
}

size_t skip_blank(TextLines lines, size_t at) {
  size_t gap = 0;
  while (at < lines.size() && gap < kMaxGap && trim(lines[at].text).empty()) ++at, ++gap;
  return at;
}

// "3: sort [0x7e9b3a603799] [/srv/a.js:16] [bytecode=…]": V8's own print of a frame
bool take_old_frame(std::string_view text, StackFacts& stack) {
  Words words(trim(text));
  if (!words.take_number() || !words.take(": ")) return false;
  const std::string_view rest = words.rest();
  RuntimeFrame frame;
  frame.function = rest.substr(0, rest.find(" ["));
  frame.role = CodeRole::kLanguage;
  for (size_t open = rest.find(" ["); open != std::string_view::npos;
       open = rest.find(" [", open + 1)) {
    const size_t close = rest.find(']', open);
    if (close == std::string_view::npos) break;
    if (!parse_runtime_place(rest.substr(open + 2, close - open - 2), frame)) continue;
    frame.role = runtime_role(Language::kJavaScript, frame.function, frame.file);
    break;
  }
  append_runtime_frame(std::move(frame), stack);
  return true;
}

size_t take_stacks(TextLines lines, Death& death) {
  size_t at = 0, end = 0;
  while (at < lines.size()) {
    at = skip_blank(lines, at);
    if (at >= lines.size()) break;
    const std::string_view text = trim(lines[at].text);
    if (text.starts_with("==== C stack trace") || text.starts_with("----- Native stack trace")) {
      at = skip_blank(lines, at + 1);
      const size_t taken = read_native_frames(lines.subspan(at), death.native);
      at += taken != 0 ? taken : read_stack(lines.subspan(at), death.native);
    } else if (text.starts_with("==== JS stack trace")) {
      at = skip_blank(lines, at + 1);
      while (at < lines.size() && (take_old_frame(lines[at].text, death.javascript) ||
                                   trim(lines[at].text).starts_with("Security context")))
        ++at;
    } else if (death.native.frames.empty() && parse_numbered_frame(text)) {
      at += read_native_frames(lines.subspan(at), death.native);
    } else if (text.starts_with("==== Details") || text.starts_with("#")) {
      ++at;
    } else {
      break;
    }
    end = std::max(end, at);
  }
  return end;
}

// V8_Fatal() and what prints the stack stand above the check.
size_t first_below_fatal(const StackFacts& stack) {
  size_t below = 0;
  for (size_t i = 0; i < stack.frames.size(); ++i) {
    const std::string& name = stack.frames[i].functions.back().short_name;
    if (name == "V8_Fatal" || name.find("FatalOOM") != std::string::npos ||
        name.find("FatalProcessOutOfMemory") != std::string::npos)
      below = i + 1;
  }
  return below < stack.frames.size() ? below : 0;
}

bool has_names(const StackFacts& stack) {
  return std::any_of(stack.frames.begin(), stack.frames.end(), [](const FrameFact& frame) {
    const std::string& name = frame.functions.back().short_name;
    return !name.empty() && name != "__libc_start_main" && name != "backtrace" &&
           name != "__interceptor_backtrace";
  });
}

void describe(Death& death, Facts& facts) {
  ReportedFacts& reported = facts.reported.emplace();
  reported.tool = "V8";
  reported.error = death.message.empty() ? "fatal error" : death.message;
  facts.process.runtime = "v8";
  facts.abort = parse_abort_text(death.message);
  const std::string_view message = facts.abort.message;
  for (const std::string_view opening :
       {"Check failed: ", "Debug check failed: ", "CSA_ASSERT failed: ", "CSA_DCHECK failed: "}) {
    if (!message.starts_with(opening)) continue;
    facts.abort.kind = AbortFacts::Kind::kAssertion;
    facts.abort.condition = message.substr(opening.size());
    while (facts.abort.condition.ends_with('.')) facts.abort.condition.pop_back();
  }
  if (facts.abort.kind == AbortFacts::Kind::kNone || facts.abort.kind == AbortFacts::Kind::kOther) {
    // "Fatal error in FILE, line N" is how V8 ends when a check in that line failed.
    const bool check = !death.place.file.empty() && !message.empty();
    facts.abort.kind = check ? AbortFacts::Kind::kAssertion : AbortFacts::Kind::kOther;
    if (check) facts.abort.condition = message;
  }
  facts.abort.file = death.place.file;
  facts.abort.line = death.place.line;
  facts.abort.function = death.where;
  // OS::Abort() ends Node and d8 with SIGTRAP or SIGILL; the text does not say which.
  const bool script = std::any_of(
      death.javascript.frames.begin(), death.javascript.frames.end(),
      [](const FrameFact& frame) { return frame.functions.front().role == CodeRole::kUser; });
  facts.process.language = script ? "JavaScript" : "C++";
  StackFacts& first = script ? death.javascript : death.native;
  StackFacts& second = script ? death.native : death.javascript;
  facts.crashing = std::move(first);
  second.title = script ? "the native stack" : "the JavaScript stack";
  if (!second.frames.empty()) reported.related.push_back(std::move(second));
  facts.crash_frame = first_below_fatal(facts.crashing);
  if (death.place.file.empty() || has_names(facts.crashing)) return;
  // The place of the check is all that is known.
  StackFacts place;
  append_runtime_frame(std::move(death.place), place);
  place.end = "not printed";
  facts.crashing.title = "the native stack, without names";
  if (!facts.crashing.frames.empty()) reported.related.push_back(std::move(facts.crashing));
  facts.crashing = std::move(place);
  facts.crash_frame = 0;
}

// "abort: CSA_DCHECK failed: … [src/builtins/wasm-to-js.tq:66] […]"
bool take_csa(std::string_view text, Death& death) {
  if (!text.starts_with("abort: CSA_")) return false;
  text.remove_prefix(7);
  const size_t open = text.find(" [");
  death.message = text.substr(0, open);
  if (open == std::string_view::npos) return true;
  const size_t close = text.find(']', open);
  if (close != std::string_view::npos)
    parse_runtime_place(text.substr(open + 2, close - open - 2), death.place);
  return true;
}

size_t read_report(TextLines lines, TextReport& report) {
  Death death;
  const std::string_view first = trim(lines[0].text);
  size_t at = 1;
  if (!take_csa(first, death)) {
    if (!take_first(first, death)) return 0;
    at += take_message(lines.subspan(1), death);
    if (at == 1 && death.message.empty() && death.place.file.empty()) return 0;
  }
  at += take_stacks(lines.subspan(at), death);
  describe(death, report.facts);
  return finish_report(lines, at, kV8Fatal.name, report);
}

}  // namespace

const Format kV8Fatal = {"v8-fatal", kTriggers, read_report};

}  // namespace inquest::diagnosis
