// Node's diagnostic report, a JSON document. Environment variables in it are never kept: they hold
// passwords.
#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/facts/signals.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/javascript_stack.h"
#include "diagnosis/text/native_stack.h"
#include "diagnosis/text/runtime_formats.h"
#include "diagnosis/text/words.h"
#include "platform/json/value.h"

namespace inquest::diagnosis {
namespace {

using json::JsonValue;

constexpr std::string_view kTriggers[] = {"\"header\": {", "\"header\":{"};
constexpr size_t kMaxReport = 32 * 1024 * 1024;  // bytes
constexpr size_t kMaxLines = 200'000;
constexpr uint64_t kMegabyte = 1024 * 1024;

// The document, beginning at its "header": the line with the bracket before says nothing. Empty
// when it is none, or was cut.
std::string document_of(TextLines lines, size_t& count) {
  const std::string_view first = trim(lines[0].text);
  const size_t header = first.find("\"header\"");
  if (header == std::string_view::npos) return {};
  count = 1;
  if (first.starts_with('{') && first.ends_with('}'))
    return std::string(first);  // --report-compact
  if (header != 0 || lines[0].text.starts_with('"')) return {};
  std::string text = "{";
  for (size_t i = 0; i < std::min(lines.size(), kMaxLines); ++i) {
    const std::string_view line = lines[i].text;
    if (line.starts_with('{') || text.size() + line.size() > kMaxReport) return {};
    if (i > 0 && trim(line).starts_with("\"header\"")) return {};  // another one begins
    text += line;
    text += '\n';
    count = i + 1;
    if (line.starts_with('}')) return text;
  }
  return {};
}

std::string text_at(const JsonValue& root, std::initializer_list<std::string_view> path) {
  const JsonValue* value = root.at(path);
  const std::string* text = value == nullptr ? nullptr : value->string();
  return text == nullptr ? std::string() : *text;
}

std::optional<uint64_t> number_at(const JsonValue& root,
                                  std::initializer_list<std::string_view> path) {
  const JsonValue* value = root.at(path);
  return value == nullptr ? std::nullopt : value->natural();
}

void add_process(const JsonValue& root, Facts& facts) {
  ProcessFacts& process = facts.process;
  const std::string version = text_at(root, {"header", "nodejsVersion"});
  process.runtime = "node " + version.substr(version.starts_with('v') ? 1 : 0);
  process.arch =
      text_at(root, {"header", "arch"}) == "x64" ? "x86_64" : text_at(root, {"header", "arch"});
  if (process.arch == "arm64") process.arch = "aarch64";
  if (const auto pid = number_at(root, {"header", "processId"}); pid && *pid <= INT32_MAX)
    process.pid = static_cast<int32_t>(*pid);
  const JsonValue* line = root.at({"header", "commandLine"});
  if (line == nullptr || line->array() == nullptr) return;
  for (const JsonValue& word : *line->array()) {
    if (word.string() == nullptr) continue;
    if (process.executable.empty()) process.executable = *word.string();
    if (!process.arguments.empty()) process.arguments += ' ';
    process.arguments += *word.string();
  }
}

void add_javascript(const JsonValue& root, Facts& facts) {
  const JsonValue* stack = root.at({"javascriptStack", "stack"});
  if (stack == nullptr || stack->array() == nullptr) return;
  for (const JsonValue& line : *stack->array()) {
    if (line.string() == nullptr) continue;
    if (auto frame = javascript_frame(*line.string()))
      append_runtime_frame(std::move(*frame), facts.crashing);
  }
}

StackFacts native_stack(const JsonValue& root) {
  StackFacts stack;
  const JsonValue* frames = root.find("nativeStack");
  if (frames == nullptr || frames->array() == nullptr) return stack;
  for (const JsonValue& entry : *frames->array()) {
    StackLine line;
    if (const auto pc = hex_of(text_at(entry, {"pc"}))) line.pc = Address(*pc);
    const std::string symbol = text_at(entry, {"symbol"});
    const std::string numbered = "1: " + symbol;
    if (const auto parsed = parse_numbered_frame(numbered); parsed && !symbol.empty()) {
      line.function = parsed->function;
      line.module = parsed->module;
      append_frame(line, stack);
    } else {
      const size_t open = symbol.rfind('['), close = symbol.rfind(']');
      if (open != std::string::npos && close != std::string::npos && open < close) {
        line.module = std::string_view(symbol).substr(open + 1, close - open - 1);
        line.function = trim(std::string_view(symbol).substr(0, open));
      }
      append_frame(line, stack);
    }
  }
  return stack;
}

void add_heap(const JsonValue& root, Facts& facts) {
  const auto used = number_at(root, {"javascriptHeap", "usedMemory"});
  auto limit = number_at(root, {"javascriptHeap", "memoryLimit"});
  if (!limit) limit = number_at(root, {"javascriptHeap", "heapSizeLimit"});
  if (!used || !limit) return;
  facts.other.push_back({fmt::format("JavaScript's heap held {} MB; its limit is {} MB",
                                     *used / kMegabyte, *limit / kMegabyte),
                         {}});
}

// What ended the process, or did not: a report can be asked for at any time.
void add_cause(const JsonValue& root, Facts& facts) {
  const std::string trigger = text_at(root, {"header", "trigger"});
  const std::string event = text_at(root, {"header", "event"});
  const std::string message = text_at(root, {"javascriptStack", "message"});
  facts.reported->error = fmt::format("{}: {}", trigger, event);
  facts.abort.message = event.substr(0, kMaxAbortText);
  if (trigger == "Exception") {
    facts.reported->error = "uncaught exception";
    set_javascript_exception(message.empty() ? event : message, facts.abort);
  } else if (trigger == "FatalError" || trigger == "OOMError") {
    set_signal(facts, kSigAbrt);
    facts.abort = parse_abort_text(event);
    if (facts.abort.kind == AbortFacts::Kind::kNone)
      facts.abort.kind = AbortFacts::Kind::kAbortCall;
  } else if (trigger == "Signal") {
    facts.reported->error = fmt::format("report asked for by {}", event);
  } else {
    facts.reported->error = "report asked for by the program";
  }
}

size_t read_report(TextLines lines, TextReport& report) {
  size_t count = 0;
  const std::string text = document_of(lines, count);
  if (text.empty()) return 0;
  const auto root = json::parse_json(text, {.max_size = kMaxReport, .max_depth = 32});
  if (!root.ok() || root->at({"header", "reportVersion"}) == nullptr ||
      root->at({"header", "nodejsVersion"}) == nullptr)
    return 0;
  Facts& facts = report.facts;
  facts.reported.emplace().tool = "Node.js report";
  facts.process.language = "JavaScript";
  add_process(*root, facts);
  add_cause(*root, facts);
  add_javascript(*root, facts);
  StackFacts native = native_stack(*root);
  if (facts.crashing.frames.empty()) {
    facts.crashing = std::move(native);
  } else if (!native.frames.empty()) {
    native.title = "the native stack";
    facts.reported->related.push_back(std::move(native));
  }
  add_heap(*root, facts);
  finish_report(lines.first(0), 0, kNodeReport.name, report);  // the excerpt would be JSON
  report.first_line = lines.front().number;
  report.last_line = lines[count - 1].number;
  return count;
}

}  // namespace

const Format kNodeReport = {"node-report", kTriggers, read_report};

}  // namespace inquest::diagnosis
