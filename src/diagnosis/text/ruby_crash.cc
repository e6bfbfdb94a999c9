// Ruby: the interpreter's "[BUG]" reports, and exceptions that nobody rescued.
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

constexpr std::string_view kBugTriggers[] = {": [BUG] ", "[BUG] "};
constexpr std::string_view kExceptionTriggers[] = {":in `", ":in '"};
constexpr size_t kMaxLines = 5'000;

// "rb/a.rb:9:in `price'": place and method; `rest` is what follows.
std::optional<RuntimeFrame> ruby_frame(std::string_view text, std::string_view* rest = nullptr) {
  text = trim(text);
  if (text.starts_with("from ")) text.remove_prefix(5);
  const size_t in = text.find(":in ");
  if (in == std::string_view::npos || in + 5 >= text.size()) return std::nullopt;
  RuntimeFrame frame;
  if (!parse_runtime_place(text.substr(0, in), frame)) return std::nullopt;
  const char open = text[in + 4];
  if (open != '`' && open != '\'') return std::nullopt;
  const size_t close = text.find('\'', in + 5);
  if (close == std::string_view::npos) return std::nullopt;
  frame.function = text.substr(in + 5, close - in - 5);
  frame.role = runtime_role(Language::kRuby, frame.function, frame.file);
  if (rest != nullptr) *rest = text.substr(close + 1);
  return frame;
}

// Ruby prints the outermost call first below "-- Ruby level backtrace".
size_t take_ruby_stack(TextLines lines, StackFacts& stack) {
  std::vector<RuntimeFrame> frames;
  size_t at = 0;
  for (; at < lines.size(); ++at) {
    auto frame = ruby_frame(lines[at].text);
    if (!frame) break;
    frames.push_back(std::move(*frame));
  }
  std::reverse(frames.begin(), frames.end());
  for (RuntimeFrame& frame : frames) append_runtime_frame(std::move(frame), stack);
  return at;
}

// The sections of a report. Returns the lines up to the last that belongs to it.
size_t take_sections(TextLines lines, Facts& facts) {
  size_t end = 1;
  StackFacts native;
  native.title = "the native stack";
  for (size_t at = 1; at < std::min(lines.size(), kMaxLines); ++at) {
    const std::string_view text = trim(lines[at].text);
    if (text.find("[BUG] ") != std::string_view::npos) break;
    if (text.starts_with("-- ")) end = at + 1;
    if (text.starts_with("-- Ruby level backtrace")) {
      end = at + 1 + take_ruby_stack(lines.subspan(at + 1), facts.crashing);
      at = end - 1;
    } else if (text.starts_with("-- C level backtrace")) {
      end = at + 1 + read_native_frames(lines.subspan(at + 1), native);
      at = end - 1;
    } else if (text.starts_with("ruby ")) {
      facts.process.runtime = fmt::format("ruby {}", Words(text.substr(5)).take_word());
      end = at + 1;
    } else if (text.starts_with("-- Other runtime information")) {
      break;
    } else if (text == "[NOTE]" || text.starts_with("Aborted")) {
      end = at + 1;
      if (text != "[NOTE]") break;
    }
  }
  if (!native.frames.empty()) facts.reported->related.push_back(std::move(native));
  return end;
}

size_t read_bug(TextLines lines, TextReport& report) {
  const std::string_view text = trim(lines[0].text);
  const size_t bug = text.find("[BUG] ");
  if (bug == std::string_view::npos) return 0;
  Facts& facts = report.facts;
  const std::string_view message = text.substr(bug + 6);
  const size_t end = std::string_view::npos;
  // "[BUG]" alone may stand in any tracker's title; Ruby's version follows at once.
  if (lines.size() < 2 || !trim(lines[1].text).starts_with("ruby ")) return 0;
  facts.reported.emplace().tool = "Ruby";
  facts.reported->error = message;
  facts.process.runtime = "ruby";
  facts.process.command = "ruby";
  facts.process.language = "Ruby";
  const size_t taken = take_sections(lines, facts);
  const size_t at = message.find(" at 0x");
  if (message.starts_with("Segmentation fault") || message.starts_with("Bus Error")) {
    std::optional<Address> address;
    if (at != end) {
      if (const auto value = Words(message.substr(at + 4)).take_hex()) address = Address(*value);
    }
    set_signal(facts, message.starts_with("Bus") ? kSigBus : kSigSegv, std::nullopt, address);
    if (address) set_fault(facts, AccessKind::kNone, address, std::nullopt);
  } else {
    set_signal(facts, kSigAbrt);
    facts.abort.kind = AbortFacts::Kind::kOther;
    facts.abort.message = message.substr(0, kMaxAbortText);
  }
  if (facts.crashing.frames.empty()) {
    RuntimeFrame frame;
    if (bug > 2 && parse_runtime_place(text.substr(0, bug - 2), frame)) {
      frame.role = runtime_role(Language::kRuby, "", frame.file);
      append_runtime_frame(std::move(frame), facts.crashing);
    }
  }
  return finish_report(lines, taken, kRubyBug.name, report);
}

struct Raised {
  RuntimeFrame frame;
  std::string_view type, message;
};

// "rb/a.rb:9:in `price': undefined method `name' for nil:NilClass (NoMethodError)"
std::optional<Raised> exception_of(std::string_view line) {
  std::string_view rest;
  auto frame = ruby_frame(line, &rest);
  if (!frame || !rest.starts_with(": ") || !rest.ends_with(')')) return std::nullopt;
  const size_t open = rest.rfind(" (");
  if (open == std::string_view::npos || open < 2) return std::nullopt;
  return Raised{.frame = std::move(*frame),
                .type = rest.substr(open + 2, rest.size() - open - 3),
                .message = rest.substr(2, open - 2)};
}

size_t read_exception(TextLines lines, TextReport& report) {
  auto raised = exception_of(lines[0].text);
  if (!raised) return 0;
  Facts& facts = report.facts;
  facts.abort.exception_type = raised->type;
  facts.abort.exception_what = raised->message.substr(0, kMaxAbortText);
  facts.abort.message = facts.abort.exception_type + ": " + facts.abort.exception_what;
  facts.abort.kind = facts.abort.exception_type == "NoMemoryError" ? AbortFacts::Kind::kOutOfMemory
                                                                   : AbortFacts::Kind::kException;
  append_runtime_frame(std::move(raised->frame), facts.crashing);
  size_t end = 1;
  for (size_t at = 1; at < std::min(lines.size(), kMaxLines); ++at) {
    const std::string_view text = trim(lines[at].text);
    auto next = text.starts_with("from ") ? ruby_frame(text) : std::nullopt;
    if (next) {
      append_runtime_frame(std::move(*next), facts.crashing);
      end = at + 1;
    } else if (end > 1 && exception_of(text)) {  // its cause
      facts.other.push_back({fmt::format("its cause: {}", text), {}});
      for (end = at + 1; end < lines.size(); ++end) {
        if (!trim(lines[end].text).starts_with("from ")) break;
      }
      break;
    } else if (end > 1 || at > 4) {  // the source line and its mark stand before the callers
      break;
    }
  }
  facts.reported.emplace().tool = "Ruby";
  facts.reported->error = "uncaught exception";
  facts.process.language = "Ruby";
  facts.process.runtime = "ruby";
  facts.process.command = "ruby";
  return finish_report(lines, end, kRubyException.name, report);
}

}  // namespace

const Format kRubyBug = {"ruby-bug", kBugTriggers, read_bug};
const Format kRubyException = {"ruby-exception", kExceptionTriggers, read_exception};

}  // namespace inquest::diagnosis
