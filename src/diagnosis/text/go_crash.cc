// How a Go program dies: panic, fatal error of the runtime, fatal signal.
#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/facts/signals.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/go_stack.h"
#include "diagnosis/text/runtime_formats.h"
#include "diagnosis/text/runtime_stack.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxMessageLines = 24;  // between the first words and the first stack
constexpr size_t kMaxStacks = 256;       // goroutines kept
constexpr size_t kMaxGap = 2;            // blank lines between goroutines

constexpr std::string_view kTriggers[] = {"panic: ",
                                          "fatal error: ",
                                          "unexpected fault address ",
                                          "runtime: goroutine stack exceeds",
                                          "SIGQUIT: quit",
                                          "SIGABRT: abort",
                                          "SIGSEGV: segmentation violation",
                                          "SIGBUS: bus error",
                                          "SIGFPE: floating-point exception",
                                          "SIGILL: illegal instruction",
                                          "SIGTRAP: trace trap",
                                          "SIGSYS: bad system call"};

struct Death {
  std::string kind;                  // "panic", "fatal error", "signal"
  std::string message;               // "runtime error: index out of range [7] with length 3"
  std::vector<std::string> earlier;  // panics that this one replaced
  int signal = 0;
  std::optional<int> code;
  std::optional<Address> address, pc;
  bool in_c = false;  // the signal arrived while C code ran
};

std::string_view without_recovered(std::string_view text) {
  for (const std::string_view mark :
       {" [recovered, repanicked]", " [recovered, reraised]", " [recovered]"}) {
    if (text.ends_with(mark)) return text.substr(0, text.size() - mark.size());
  }
  return text;
}

// "[signal SIGSEGV: segmentation violation code=0x1 addr=0x30 pc=0x484540]"
bool take_signal(std::string_view text, Death& death) {
  Words words(text);
  if (!words.take("[signal ")) return false;
  const auto name = words.take_until(":");
  if (!name) return false;
  if (const int number = signal_number_of(*name)) death.signal = number;
  if (words.take_until("code=")) {
    if (const auto code = words.take_hex(); code && *code <= INT32_MAX)
      death.code = static_cast<int>(*code);
  }
  if (words.take_until("addr=")) {
    if (const auto address = words.take_hex()) death.address = Address(*address);
  }
  if (words.take_until("pc=")) {
    if (const auto pc = words.take_hex()) death.pc = Address(*pc);
  }
  return true;
}

// "SIGQUIT: quit" with "PC=0x40268e m=0 sigcode=0" behind it
bool take_bare_signal(TextLines lines, Death& death) {
  const std::string_view text = trim(lines[0].text);
  const size_t colon = text.find(": ");
  if (colon == std::string_view::npos || lines.size() < 2) return false;
  const int number = signal_number_of(text.substr(0, colon));
  Words words(trim(lines[1].text));
  if (number == 0 || !words.take("PC=")) return false;
  death.kind = "signal";
  death.message = text;
  death.signal = number;
  if (const auto pc = words.take_hex()) death.pc = Address(*pc);
  if (words.take_until("sigcode=")) {
    if (const auto code = words.take_number(); code) death.code = static_cast<int>(*code);
    if (words.take_until("addr=")) {
      if (const auto address = words.take_hex()) death.address = Address(*address);
    }
  }
  return true;
}

// The first words. Loggers may have put theirs in front of a panic of the runtime.
bool take_first_line(TextLines lines, Death& death) {
  std::string_view text = trim(lines[0].text);
  const size_t known = text.find("panic: runtime error: ");
  if (known != std::string_view::npos) text = text.substr(known);
  if (text.starts_with("panic: ")) {
    death.kind = "panic";
    death.message = without_recovered(text.substr(7));
    return true;
  }
  if (text.starts_with("fatal error: ")) {
    death.kind = "fatal error";
    death.message = text.substr(13);
    return true;
  }
  Words words(text);
  if (words.take("unexpected fault address ")) {
    death.kind = "fatal error";
    if (const auto address = words.take_hex()) death.address = Address(*address);
    return death.address.has_value();
  }
  if (text.starts_with("runtime: goroutine stack exceeds")) {
    death.kind = "fatal error";
    return true;
  }
  return take_bare_signal(lines, death);
}

// The lines between the first words and the first stack. nullopt when no stack follows soon: then
// this is somebody else's "panic: ".
std::optional<size_t> take_head(TextLines lines, Death& death) {
  if (!take_first_line(lines, death)) return std::nullopt;
  bool message_open = death.kind == "panic";
  for (size_t i = 1; i < std::min(lines.size(), kMaxMessageLines); ++i) {
    const std::string_view text = trim(lines[i].text);
    if (is_go_stack_header(text)) return i;
    if (take_signal(text, death) || text.starts_with("goroutine ")) {
      message_open = false;
    } else if (text.starts_with("fatal error: ")) {
      death.message = text.substr(13);
    } else if (text.starts_with("panic: ") && death.kind == "panic") {
      death.earlier.push_back(death.message);
      death.message = without_recovered(text.substr(7));
    } else if (text.starts_with("signal arrived during cgo execution")) {
      death.in_c = true;
    } else if (message_open && !text.empty()) {
      death.message += fmt::format("\n{}", text);
    } else if (text.empty() && i + 1 < lines.size() && trim(lines[i + 1].text).empty()) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

size_t skip_blank(TextLines lines, size_t at) {
  size_t gap = 0;
  while (at < lines.size() && gap <= kMaxGap && trim(lines[at].text).empty()) ++at, ++gap;
  return at;
}

// "rax    0x0", "exit status 2"
size_t take_tail(TextLines lines, size_t at, size_t end) {
  while (at < lines.size()) {
    const std::string_view text = trim(lines[at].text);
    Words words(text);
    const std::string_view word = words.take_word();
    words.skip_blanks();
    const bool is_register = word.size() <= 6 && words.take_hex() && words.at_end();
    if (!is_register && !text.starts_with("exit status ")) break;
    end = ++at;
  }
  return end;
}

bool is_running(const StackFacts& stack) {
  return stack.thread_name.find("[running") != std::string::npos ||
         stack.thread_name.find("[syscall") != std::string::npos;
}

// All stacks from lines[at] on: the one that died first, those of the others behind it.
size_t take_stacks(TextLines lines, size_t at, Facts& facts) {
  std::vector<StackFacts> stacks;
  size_t end = at, total = 0;
  while (at < lines.size()) {
    StackFacts stack;
    const size_t taken = read_go_stack(lines.subspan(at), stack);
    if (taken == 0) break;
    ++total;
    end = at + taken;
    if (stacks.size() < kMaxStacks) stacks.push_back(std::move(stack));
    at = skip_blank(lines, end);
  }
  if (stacks.empty()) return end;
  // The runtime's own stack says how it noticed; the goroutine says what the program did.
  const auto crashed = std::find_if(stacks.begin(), stacks.end(), is_running);
  const size_t chosen = crashed == stacks.end() ? 0 : static_cast<size_t>(crashed - stacks.begin());
  facts.crashing = std::move(stacks[chosen]);
  for (size_t i = 0; i < stacks.size(); ++i) {
    if (i == chosen) continue;
    if (stacks[i].thread_name == "runtime stack") {
      stacks[i].title = "the runtime's own stack";
      facts.reported->related.push_back(std::move(stacks[i]));
    } else {
      facts.others.push_back(std::move(stacks[i]));
    }
  }
  facts.process.thread_count = std::max<size_t>(1, total - facts.reported->related.size());
  return take_tail(lines, skip_blank(lines, end), end);
}

// Deferred functions run on top of the panic they may recover from: what panicked last stands
// below the innermost "panic(…)".
size_t crash_frame_of(const StackFacts& stack) {
  size_t frame = 0;
  for (size_t i = 0; i < stack.frames.size(); ++i) {
    if (stack.frames[i].functions.front().role == CodeRole::kAbort) frame = i + 1;
  }
  return frame < stack.frames.size() ? frame : 0;
}

void describe(Death& death, Facts& facts) {
  facts.process.language = "Go";
  facts.process.runtime = "go";
  facts.reported->error =
      death.kind == "signal" ? death.message : fmt::format("{}: {}", death.kind, death.message);
  if (death.signal != 0) {
    // Then the processor did not say the address, and the 0 that stands there is none.
    if (death.code == kSiKernel) death.address.reset();
    set_signal(facts, death.signal, death.code, death.address);
    if (is_fault_signal(death.signal) && death.address)
      set_fault(facts, AccessKind::kNone, death.address, death.pc);
  }
  facts.abort.message = death.message.substr(0, kMaxAbortText);
  if (death.kind == "panic") facts.abort.kind = AbortFacts::Kind::kPanic;
  // A fatal error about a signal says no more than the signal.
  if (death.kind == "fatal error" && death.signal == 0) facts.abort.kind = AbortFacts::Kind::kOther;
  if (death.kind == "signal" && death.signal == kSigAbrt && death.code != kSiUser)
    facts.abort.kind = AbortFacts::Kind::kAbortCall;
  if (death.message.find("out of memory") != std::string::npos && death.kind == "fatal error")
    facts.abort.kind = AbortFacts::Kind::kOutOfMemory;
  for (const std::string& earlier : death.earlier) {
    facts.other.push_back({fmt::format("before that it panicked: {}", earlier), {}});
  }
  if (death.in_c) facts.other.push_back({"the signal arrived while C code ran (cgo)", {}});
}

size_t read_report(TextLines lines, TextReport& report) {
  Death death;
  const auto head = take_head(lines, death);
  if (!head) return 0;
  Facts& facts = report.facts;
  facts.reported.emplace().tool = "Go runtime";
  const size_t taken = take_stacks(lines, *head, facts);
  describe(death, facts);
  facts.crash_frame = crash_frame_of(facts.crashing);
  return finish_report(lines, taken, kGoCrash.name, report);
}

}  // namespace

const Format kGoCrash = {"go-crash", kTriggers, read_report};

}  // namespace inquest::diagnosis
