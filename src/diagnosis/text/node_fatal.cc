// Node's fatal errors: out of heap, failed assertions of its C++ code, process.abort().
#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/facts/signals.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/javascript_stack.h"
#include "diagnosis/text/native_stack.h"
#include "diagnosis/text/runtime_formats.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr std::string_view kTriggers[] = {
    "FATAL ERROR: ",          "----- Native stack trace -----",
    "<--- Last few GCs --->", ": Assertion `",
    "Assertion failed: ",     "node::Abort() [",
    "# Assertion failed:"};
constexpr size_t kMaxGcLines = 64, kMaxOldStack = 400, kMaxGap = 3;

struct Death {
  std::string message;  // "Reached heap limit Allocation failed - JavaScript …"
  std::optional<AbortFacts> assertion;
  std::vector<std::string> collections;  // lines of the garbage collector
  StackFacts native, javascript;
  std::optional<uint64_t> pid;
};

size_t skip_blank(TextLines lines, size_t at) {
  size_t gap = 0;
  while (at < lines.size() && gap < kMaxGap && trim(lines[at].text).empty()) ++at, ++gap;
  return at;
}

// "[13133:0x29abf890]      256 ms: Mark-sweep 17.9 (50.5) -> 17.3 (50.5) MB, …"
bool take_collection(std::string_view text, Death& death) {
  if (!text.starts_with('[') || text.find(" ms: ") == std::string_view::npos) return false;
  Words words(text.substr(1));
  if (const auto pid = words.take_number(); pid && words.rest().starts_with(":0x")) death.pid = pid;
  if (death.collections.size() < 8) death.collections.emplace_back(text.substr(0, 200));
  return true;
}

// "<--- Last few GCs --->" and what follows; "<--- JS stacktrace --->" and V8's old JS stack.
size_t take_sections(TextLines lines, Death& death) {
  size_t at = 0;
  bool section = false;
  for (; at < std::min(lines.size(), kMaxOldStack); ++at) {
    const std::string_view text = trim(lines[at].text);
    if (text.starts_with("<--- Last few GCs --->") || text.starts_with("<--- JS stacktrace --->") ||
        text.starts_with("==== JS stack trace ====") || text.starts_with("==== Details ====")) {
      section = true;
      continue;
    }
    const bool of_something_else = text.starts_with("FATAL ERROR: ") || text.starts_with("----- ");
    if (of_something_else || !section || (at > kMaxGcLines && text.empty())) break;
    take_collection(text, death);
  }
  return section ? at : 0;
}

// "1: /srv/a.js:11:28", "6: wrapModuleLoad (node:internal/modules/cjs/loader:261:19)"
size_t read_numbered_javascript(TextLines lines, StackFacts& stack) {
  size_t at = 0;
  for (; at < lines.size(); ++at) {
    Words words(trim(lines[at].text));
    if (!words.take_number() || !words.take(": ")) break;
    auto frame = javascript_frame(words.rest());
    if (!frame) break;
    append_runtime_frame(std::move(*frame), stack);
  }
  return at;
}

// "node[123]: ../src/node_http2.cc:89:void f(): Assertion `x != nullptr' failed."
bool take_assertion(std::string_view text, Death& death) {
  const size_t start = text.find("Assertion ");
  if (start == std::string_view::npos) return false;
  if (text.starts_with("#")) text = trim(text.substr(text.find_first_not_of("# ")));
  AbortFacts facts = parse_abort_text(text);
  if (facts.kind != AbortFacts::Kind::kAssertion) {
    if (!text.starts_with("Assertion failed: ")) return false;
    facts.kind = AbortFacts::Kind::kAssertion;
    facts.condition = trim(text.substr(18));
  }
  const size_t open = text.find('['), close = text.find("]: ");
  if (open != std::string_view::npos && close != std::string_view::npos && open < close)
    death.pid = number_of(text.substr(open + 1, close - open - 1));
  death.message = text;
  death.assertion = std::move(facts);
  return true;
}

size_t take_stacks(TextLines lines, Death& death) {
  size_t at = 0, end = 0;
  while (at < lines.size()) {
    at = skip_blank(lines, at);
    if (at >= lines.size()) break;
    const std::string_view text = trim(lines[at].text);
    if (text.starts_with("----- Native stack trace -----")) {
      at = skip_blank(lines, at + 1);
      at += read_native_frames(lines.subspan(at), death.native);
    } else if (text.starts_with("----- JavaScript stack trace -----")) {
      at = skip_blank(lines, at + 1);
      at += read_numbered_javascript(lines.subspan(at), death.javascript);
    } else if (death.native.frames.empty() && parse_numbered_frame(text)) {
      at += read_native_frames(lines.subspan(at), death.native);
    } else if (text.starts_with("#") || text.starts_with("Caused by:")) {
      ++at;  // "#   Node.js version: v20.0.0" beside an assertion
    } else if (text.starts_with("Aborted") || text.starts_with("Trace/breakpoint trap")) {
      return at + 1;
    } else {
      break;
    }
    end = at;
  }
  return end;
}

// Node and V8 are no code of the user's; add-ons are.
void set_roles(StackFacts& stack) {
  static constexpr std::string_view kEnding[] = {"node::Abort",
                                                 "node::Assert",
                                                 "node::OnFatalError",
                                                 "node::OOMErrorHandler",
                                                 "node::DumpNativeBacktrace",
                                                 "v8::Utils::ReportOOMFailure",
                                                 "v8::internal::V8::FatalProcessOutOfMemory"};
  for (FrameFact& frame : stack.frames) {
    if (frame.module.ends_with(".node")) continue;
    FunctionFact& function = frame.functions.front();
    const bool ending =
        std::find(std::begin(kEnding), std::end(kEnding), function.short_name) != std::end(kEnding);
    function.role = ending ? CodeRole::kAbort : CodeRole::kLibrary;
  }
}

void describe(Death& death, Facts& facts) {
  set_roles(death.native);
  facts.reported->tool = "Node.js";
  facts.reported->error = death.message.empty() ? "process.abort()" : death.message;
  facts.process.runtime = "node";
  facts.process.command = "node";
  if (death.pid && *death.pid <= INT32_MAX) facts.process.pid = static_cast<int32_t>(*death.pid);
  set_signal(facts, kSigAbrt);
  facts.abort.kind = AbortFacts::Kind::kAbortCall;
  if (death.assertion) {
    facts.abort = std::move(*death.assertion);
  } else if (!death.message.empty()) {
    facts.abort = parse_abort_text(death.message);
  }
  for (std::string& line : death.collections) {
    facts.other.push_back({"garbage collection: " + std::move(line), {}});
  }
  const bool script = !death.javascript.frames.empty();
  facts.process.language = script ? "JavaScript" : "C++";
  if (script) {
    // The script is what its author can change; the native stack says how it ended.
    facts.crashing = std::move(death.javascript);
    death.native.title = "the native stack";
    if (!death.native.frames.empty()) facts.reported->related.push_back(std::move(death.native));
  } else {
    facts.crashing = std::move(death.native);
  }
}

size_t read_report(TextLines lines, TextReport& report) {
  Death death;
  size_t at = take_sections(lines, death);
  at = at == 0 ? 0 : skip_blank(lines, at);
  if (at >= lines.size()) return 0;
  const std::string_view text = trim(lines[at].text);
  const size_t fatal = text.find("FATAL ERROR: ");
  if (fatal != std::string_view::npos) {
    death.message = text.substr(fatal + 13);
    ++at;
  } else if (take_assertion(text, death)) {
    ++at;
  } else if (!text.starts_with("----- Native stack trace") && !parse_numbered_frame(text)) {
    return 0;
  }
  const size_t stacks = take_stacks(lines.subspan(at), death);
  // Other programs have assertions and fatal errors too.
  const bool is_heap = death.message.find("JavaScript heap out of memory") != std::string::npos;
  if (death.native.frames.empty() && !is_heap) return 0;
  Facts& facts = report.facts;
  facts.reported.emplace();
  describe(death, facts);
  return finish_report(lines, at + stacks, kNodeFatal.name, report);
}

}  // namespace

const Format kNodeFatal = {"node-fatal", kTriggers, read_report};

}  // namespace inquest::diagnosis
