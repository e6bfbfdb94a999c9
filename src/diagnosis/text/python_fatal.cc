// What Python's faulthandler and Py_FatalError print when the interpreter dies.
#include <fmt/format.h>

#include <array>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/facts/signals.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/python_stack.h"
#include "diagnosis/text/runtime_formats.h"
#include "diagnosis/text/stack_lines.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxLines = 100'000;  // of one report
constexpr size_t kMaxThreads = 512;    // kept

constexpr std::string_view kTriggers[] = {"Fatal Python error: ", "Windows fatal exception: "};

struct SignalWord {
  std::string_view word;
  int number;
};
constexpr std::array<SignalWord, 7> kSignalWords = {{{"Segmentation fault", kSigSegv},
                                                     {"Aborted", kSigAbrt},
                                                     {"Floating point exception", kSigFpe},
                                                     {"Floating-point exception", kSigFpe},
                                                     {"Bus error", kSigBus},
                                                     {"Illegal instruction", kSigIll},
                                                     {"access violation", kSigSegv}}};

// "Current thread 0x00007f2b [poll] (most recent call first):"
bool is_thread_header(std::string_view text, bool& current, std::string_view& name) {
  text = trim(text);
  current = text.starts_with("Current thread");
  if (!current && !text.starts_with("Thread 0x") && !text.starts_with("Stack (most recent"))
    return false;
  if (!text.ends_with("(most recent call first):") ||
      text.find("C stack trace") != std::string_view::npos)
    return false;
  const size_t open = text.find('['), close = text.find(']');
  if (open != std::string_view::npos && close != std::string_view::npos && close > open)
    name = text.substr(open + 1, close - open - 1);
  return true;
}

// `  Binary file "/usr/bin/python3", at PyObject_Call+0x3a [0x7f2b]`
std::optional<StackLine> c_frame(std::string_view text) {
  Words words(trim(text));
  if (!words.take("Binary file \"")) return std::nullopt;
  const auto file = words.take_until("\"");
  if (!file) return std::nullopt;
  StackLine line;
  line.module = *file;
  if (words.take(", at ") && !words.rest().starts_with("+")) {
    const std::string_view symbol = words.take_word();
    line.function = symbol.substr(0, symbol.find("+0x"));
  }
  if (words.take_until("[")) {
    if (const auto pc = words.take_hex()) line.pc = Address(*pc);
  }
  return line;
}

size_t read_c_stack(TextLines lines, StackFacts& stack) {
  size_t at = 0;
  for (; at < lines.size(); ++at) {
    const std::string_view text = trim(lines[at].text);
    if (const auto line = c_frame(text)) {
      append_frame(*line, stack);
    } else if (text.starts_with("<truncated rest of calls>")) {
      stack.end = "frame-limit";
    } else if (!text.starts_with("<cannot get C stack")) {
      break;
    }
  }
  return at;
}

void add_thread(StackFacts stack, bool current, Facts& facts) {
  if (current) {
    facts.crashing = std::move(stack);
  } else if (facts.others.size() < kMaxThreads) {
    facts.others.push_back(std::move(stack));
  }
}

// "Extension modules: numpy.core._multiarray_umath, _cffi_backend (total: 2)"
void add_extensions(std::string_view text, Facts& facts) {
  text = text.substr(text.find(": ") + 2);
  facts.other.push_back(
      {fmt::format("extension modules that were loaded: {}", text.substr(0, kMaxAbortText)), {}});
}

// What follows the first line. Returns the line behind the last that belongs to it.
size_t read_body(TextLines lines, Facts& facts) {
  size_t end = 1;
  for (size_t at = 1; at < std::min(lines.size(), kMaxLines);) {
    const std::string_view text = trim(lines[at].text);
    bool current = false;
    std::string_view name;
    if (is_thread_header(text, current, name)) {
      StackFacts stack;
      stack.thread_name = name;
      at += 1 + read_faulthandler_frames(lines.subspan(at + 1), stack);
      if (facts.crashing.frames.empty() || current)
        add_thread(std::move(stack), current, facts);
      else
        add_thread(std::move(stack), false, facts);
    } else if (text.ends_with("C stack trace (most recent call first):")) {
      StackFacts stack;
      stack.title = "the native stack of the current thread";
      at += 1 + read_c_stack(lines.subspan(at + 1), stack);
      if (!stack.frames.empty()) facts.reported->related.push_back(std::move(stack));
    } else if (text.starts_with("Extension modules: ")) {
      add_extensions(text, facts);
      ++at;
    } else if (text.starts_with("Python runtime state: ")) {
      facts.other.push_back({fmt::format("Python's state: {}", text.substr(22)), {}});
      ++at;
    } else if (text.empty() && at + 1 < lines.size() && at == end) {
      ++at;
      continue;
    } else {
      break;
    }
    end = at;
  }
  return end;
}

void set_cause(std::string_view message, Facts& facts) {
  facts.abort.message = message.substr(0, kMaxAbortText);
  facts.reported->error = facts.abort.message;
  for (const SignalWord& entry : kSignalWords) {
    if (message != entry.word) continue;
    set_signal(facts, entry.number);
    if (entry.number != kSigAbrt) facts.abort.message.clear();
    if (entry.number == kSigAbrt) facts.abort.kind = AbortFacts::Kind::kAbortCall;
    return;
  }
  facts.abort.kind = AbortFacts::Kind::kOther;
  set_signal(facts, kSigAbrt);
}

size_t read_report(TextLines lines, TextReport& report) {
  Words words(trim(lines[0].text));
  if (!words.take("Fatal Python error: ") && !words.take("Windows fatal exception: ")) return 0;
  Facts& facts = report.facts;
  facts.reported.emplace().tool = "Python";
  facts.process.language = "Python";
  facts.process.runtime = "python";
  facts.process.command = "python";
  set_cause(trim(words.rest()), facts);
  const size_t end = read_body(lines, facts);
  if (facts.crashing.frames.empty() && facts.crashing.end.empty())
    facts.crashing.end = "not printed";
  return finish_report(lines, end, kPythonFatal.name, report);
}

}  // namespace

const Format kPythonFatal = {"python-fatal", kTriggers, read_report};

}  // namespace inquest::diagnosis
