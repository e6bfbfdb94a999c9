// What our packages for Node and Python write (bindings/common/report.c):
//
//   PID 9 received SIGSEGV for address: 0x1            or "… received SIGABRT from PID 9"
//   SEGV_MAPERR: nothing is mapped at the address
//   thread 9 (main), pc 0x7f1a, 2026-11-29T07:13:04Z
//   inquest 0.1.0, node 20.20.2, v8 11.3, linux x64
//
//   Native stack:  JavaScript stack:  Python stack:  Thread 0x7f sleeper (most recent call last):
#include <algorithm>

#include "diagnosis/facts/signals.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/javascript_stack.h"
#include "diagnosis/text/native_stack.h"
#include "diagnosis/text/python_stack.h"
#include "diagnosis/text/runtime_formats.h"
#include "diagnosis/text/runtime_stack.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr std::string_view kTriggers[] = {" received SIG"};
constexpr size_t kMaxHead = 6;  // lines up to ours
constexpr size_t kMaxLines = 20'000;
constexpr size_t kMaxThreads = 128;

// "PID 9 received SIGSEGV for address: 0x1": who, what, where. False when it is not that.
bool take_first_line(std::string_view text, Facts& facts) {
  Words words(trim(text));
  if (!words.take("PID ")) return false;
  const auto pid = words.take_number();
  if (!pid || *pid > INT32_MAX || !words.take(" received ")) return false;
  const int signal = signal_number_of(words.take_word());
  if (signal == 0) return false;
  facts.process.pid = static_cast<int32_t>(*pid);
  if (words.take(" for address: ")) {
    const auto address = words.take_hex();
    if (!address) return false;
    set_signal(facts, signal, std::nullopt, Address(*address));
  } else if (words.take(" from PID ")) {
    const auto sender = words.take_number();
    if (!sender || *sender > INT32_MAX) return false;
    set_signal(facts, signal);
    facts.signal.sender_pid = static_cast<int32_t>(*sender);
    facts.signal.sent_by_self = *sender == *pid;
    facts.signal.sent_by_other = *sender != *pid;
  } else {
    return false;
  }
  return words.at_end();
}

struct Head {
  std::optional<int> code;
  std::optional<Address> pc;
  std::string_view runtime;  // "node", "bun", "cpython"
  bool overflow = false;     // of the thread's stack
  size_t lines = 0;          // up to ours; 0: this is none of our texts
};

Head read_head(TextLines lines, int signal) {
  Head head;
  for (size_t at = 1; at < std::min(lines.size(), kMaxHead); ++at) {
    const std::string_view text = trim(lines[at].text);
    Words words(text);
    if (words.take("thread ") && words.take_until(", pc ")) {
      if (const auto pc = words.take_hex()) head.pc = Address(*pc);
    } else if (words.take("inquest ") && words.take_until(", ")) {
      head.runtime = words.take_word();
      head.lines = at + 1;
      return head;
    } else if (text.starts_with("stack overflow: ")) {
      head.overflow = true;
    } else {
      for (int code = 1; code < 16; ++code) {
        if (text.substr(0, text.find(':')) == signal_code_name(signal, code)) head.code = code;
      }
    }
  }
  return head;
}

// Python's own stack stands where the interpreter's function called what crashed.
void cut_at_interpreter(StackFacts& stack) {
  const auto interpreter =
      std::find_if(stack.frames.begin(), stack.frames.end(), [](const FrameFact& frame) {
        return frame.functions.back().short_name == "_PyEval_EvalFrameDefault";
      });
  if (interpreter != stack.frames.end()) stack.frames.erase(interpreter, stack.frames.end());
}

// "Thread 0x7f sleeper (most recent call last):": its name; nullopt when it is not that.
std::optional<std::string_view> other_thread(std::string_view text) {
  Words words(trim(text));
  if (!words.take("Thread ") || !words.take_hex()) return std::nullopt;
  const auto name = words.take_until(" (most recent call last):");
  if (!name || !words.at_end()) return std::nullopt;
  return trim(*name);
}

// The sections. Returns the line behind the last that belongs to the report.
size_t read_sections(TextLines lines, size_t at, Facts& facts) {
  size_t end = at;
  const size_t limit = std::min(lines.size(), kMaxLines);
  while (at < limit) {
    const std::string_view text = trim(lines[at].text);
    size_t taken = 0;
    if (text == "Native stack:") {
      taken = read_native_frames(lines.subspan(at + 1), facts.crashing);
    } else if (text == "JavaScript stack:") {
      taken = read_javascript_frames(lines.subspan(at + 1), facts.crashing);
    } else if (text == "Python stack:") {
      cut_at_interpreter(facts.crashing);
      taken = read_traceback_frames(lines.subspan(at + 1), facts.crashing);
    } else if (const auto name = other_thread(text)) {
      StackFacts stack;
      stack.thread_name = *name;
      taken = read_traceback_frames(lines.subspan(at + 1), stack);
      if (facts.others.size() < kMaxThreads) facts.others.push_back(std::move(stack));
    } else if (text.empty() || text.starts_with('(')) {
      ++at;  // between sections, or why one is missing
      continue;
    } else {
      break;
    }
    at += 1 + taken;
    end = at;
  }
  return end;
}

size_t read_report(TextLines lines, TextReport& report) {
  Facts& facts = report.facts;
  if (!take_first_line(lines[0].text, facts)) return 0;
  const Head head = read_head(lines, facts.signal.number);
  if (head.lines == 0) {
    facts = {};
    return 0;
  }
  const bool is_python = head.runtime == "cpython";
  facts.reported.emplace().tool = "inquest";
  facts.reported->error = facts.signal.name;
  facts.process.runtime = is_python ? "python" : std::string(head.runtime);
  facts.process.command = facts.process.runtime;
  facts.process.language = is_python ? "Python" : "JavaScript";
  if (head.code) set_signal(facts, facts.signal.number, head.code, facts.signal.address);
  if (is_fault_signal(facts.signal.number) && facts.signal.address)
    set_fault(facts, AccessKind::kNone, facts.signal.address, head.pc);
  if (head.overflow && facts.fault) facts.fault->stack_pointer_in_guard = true;
  if (facts.signal.number == kSigAbrt) facts.abort.kind = AbortFacts::Kind::kAbortCall;
  const size_t end = read_sections(lines, head.lines, facts);
  if (facts.crashing.frames.empty()) facts.crashing.end = "not printed";
  return finish_report(lines, end, kInquestLog.name, report);
}

}  // namespace

const Format kInquestLog = {"inquest-log", kTriggers, read_report};

}  // namespace inquest::diagnosis
