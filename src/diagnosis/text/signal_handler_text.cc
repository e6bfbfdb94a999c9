// What crash handlers linked into programs print before the stack: glog, folly, abseil, Chromium,
// npm's segfault-handler, and home-made ones around backtrace_symbols().
#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/roles.h"
#include "diagnosis/facts/signals.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/native_stack.h"
#include "diagnosis/text/runtime_formats.h"
#include "diagnosis/text/runtime_stack.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr std::string_view kTriggers[] = {" received SIG",
                                          "*** SIG",
                                          "*** Signal ",
                                          "*** Aborted at ",
                                          "Received signal ",
                                          "Caught signal ",
                                          "received signal",
                                          ")[0x",
                                          ") [0x",
                                          "Error: signal ",
                                          "Signal: ",
                                          " got Segmentation Fault !!!"};
constexpr std::string_view kHandlerTriggers[] = {" received SIGSEGV for address: "};
constexpr size_t kMinBareFrames = 4;
constexpr size_t kMaxHandlerFrames = 6;  // of the handler itself
constexpr size_t kMaxHead = 12;          // lines between the words and the stack

struct Handled {
  std::string tool = "crash handler";
  int signal = 0;
  std::optional<int> code;
  std::optional<Address> address, pc;
  std::optional<uint64_t> pid, sender;
};

// The first "SIGxxx" in the text, or a number behind "signal ".
int find_signal(std::string_view text) {
  for (size_t at = text.find("SIG"); at != std::string_view::npos; at = text.find("SIG", at + 3)) {
    const size_t end = text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", at);
    if (const int number = signal_number_of(text.substr(at, end - at))) return number;
  }
  const size_t word = text.find("ignal ");
  if (word == std::string_view::npos) return 0;
  Words words(text.substr(word + 6));
  words.take("(");
  const auto number = words.take_number();
  return number && *number > 0 && *number < 32 ? static_cast<int>(*number) : 0;
}

std::optional<uint64_t> number_behind(std::string_view text, std::string_view mark) {
  const size_t at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  return Words(text.substr(at + mark.size())).take_number();
}

std::optional<Address> address_behind(std::string_view text, std::string_view mark) {
  const size_t at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  Words words(text.substr(at + mark.size()));
  words.skip_blanks();
  const auto value = words.take_hex();
  return value ? std::optional<Address>(Address(*value)) : std::nullopt;
}

// "*** SIGSEGV (@0x0) received by PID 9 (TID 0x7f) from PID 0; stack trace: ***"
// "*** Signal 11 (SIGSEGV) (0x0) received by PID 9 (pthread TID 0x7f), stack trace: ***"
// "*** SIGSEGV received at time=1592 on cpu 3 ***"
bool take_glog(std::string_view text, Handled& handled) {
  if (!text.starts_with("*** SIG") && !text.starts_with("*** Signal ")) return false;
  if (text.find("received") == std::string_view::npos) return false;
  handled.signal = find_signal(text);
  handled.address = address_behind(text, "(@");
  if (!handled.address && text.starts_with("*** Signal "))
    handled.address = address_behind(text, ") (");
  handled.pid = number_behind(text, "by PID ");
  const bool sent = handled.signal != kSigSegv && handled.signal != kSigBus;
  if (sent) handled.sender = number_behind(text, "from PID ");
  handled.tool = text.find("time=") != std::string_view::npos ? "abseil"
                 : text.starts_with("*** Signal ")            ? "folly"
                                                              : "glog";
  return handled.signal != 0;
}

// "Received signal 11 SEGV_MAPERR 000000000000"
bool take_chromium(std::string_view text, Handled& handled) {
  Words words(text);
  if (!words.take("Received signal ")) return false;
  const auto number = words.take_number();
  if (!number || *number == 0 || *number > 31 || !words.take(" ")) return false;
  handled.signal = static_cast<int>(*number);
  const std::string_view name = words.take_word();
  for (int code = 1; code < 16; ++code) {
    if (signal_code_name(handled.signal, code) == name) handled.code = code;
  }
  words.skip_blanks();
  if (const auto address = words.take_bare_hex(); address && words.at_end())
    handled.address = Address(*address);
  handled.tool = "Chromium";
  return handled.code.has_value() || handled.address.has_value() || name == "<unknown>";
}

// "PID 9 received SIGSEGV for address: 0x0"
bool take_segfault_handler(std::string_view text, Handled& handled) {
  Words words(text);
  if (!words.take_until("PID ")) return false;
  handled.pid = words.take_number();
  if (!handled.pid || !words.take(" received SIG")) return false;
  handled.signal = find_signal(text);
  handled.address = address_behind(text, "address:");
  handled.tool = "segfault-handler";
  return handled.signal != 0 && handled.address.has_value();
}

// "!!! uWSGI process 31515 got Segmentation Fault !!!"
bool take_uwsgi(std::string_view text, Handled& handled) {
  Words words(text);
  if (!words.take("!!! uWSGI process ")) return false;
  handled.pid = words.take_number();
  if (!handled.pid || !words.take(" got Segmentation Fault !!!")) return false;
  handled.signal = kSigSegv;
  handled.tool = "uWSGI";
  return true;
}

bool take_other(std::string_view text, Handled& handled) {
  const bool words = text.starts_with("Caught signal ") || text.starts_with("Error: signal ") ||
                     text.starts_with("Signal: ") ||
                     text.find("eceived signal") != std::string_view::npos ||
                     text.find(" received SIG") != std::string_view::npos;
  if (!words) return false;
  handled.signal = find_signal(text);
  handled.address = address_behind(text, "address");
  if (!handled.address) handled.address = address_behind(text, "addr ");
  return handled.signal != 0;
}

bool is_frame(std::string_view text) {
  return parse_symbols_line(text) || parse_numbered_frame(text) || parse_stack_line(text);
}

// The stack behind the words; what stands between (registers, a second sentence) is passed over.
size_t take_stack(TextLines lines, Handled& handled, StackFacts& stack) {
  for (size_t at = 1; at < std::min(lines.size(), kMaxHead); ++at) {
    const std::string_view text = trim(lines[at].text);
    if (text.starts_with("PC: @")) {
      if (const auto line = parse_stack_line(text.substr(3))) handled.pc = line->pc;
      continue;
    }
    if (!handled.pid) handled.pid = number_behind(text, "by PID ");
    if (!is_frame(text)) continue;
    size_t taken = read_native_frames(lines.subspan(at), stack);
    if (taken == 0) taken = read_stack(lines.subspan(at), stack);
    if (taken == 0) return 0;
    at += taken;
    if (at < lines.size() && trim(lines[at].text) == "[end of stack trace]") ++at;
    return at;
  }
  return 0;
}

void describe(const Handled& handled, Facts& facts) {
  facts.reported->tool = handled.tool;
  facts.reported->error = signal_name(handled.signal);
  facts.own_handler = true;
  set_signal(facts, handled.signal, handled.code, handled.address);
  if (handled.pid && *handled.pid <= INT32_MAX)
    facts.process.pid = static_cast<int32_t>(*handled.pid);
  if (handled.sender && *handled.sender > 0 && *handled.sender <= INT32_MAX) {
    facts.signal.sender_pid = static_cast<int32_t>(*handled.sender);
    facts.signal.sent_by_self = handled.sender == handled.pid;
    facts.signal.sent_by_other = !facts.signal.sent_by_self;
  }
  if (is_fault_signal(handled.signal) && handled.address)
    set_fault(facts, AccessKind::kNone, handled.address, handled.pc);
  if (handled.signal == kSigAbrt) facts.abort.kind = AbortFacts::Kind::kAbortCall;
}

// The handler's own frames stand above the trampoline that the kernel put below them.
size_t first_below_handler(const StackFacts& stack) {
  for (size_t i = stack.frames.size(); i-- > 0;) {
    const std::string& name = stack.frames[i].functions.back().short_name;
    if (name == "__restore_rt" || name == "<signal handler called>" || name == "killpg" ||
        name == "_sigtramp")
      return i + 1 < stack.frames.size() ? i + 1 : 0;
  }
  // backtrace_symbols() has no name for it: then it is the first place in the C library.
  for (size_t i = 1; i < std::min(stack.frames.size(), kMaxHandlerFrames); ++i) {
    const FrameFact& frame = stack.frames[i];
    if (frame.functions.back().short_name.empty() && is_c_library(frame.module))
      return i + 1 < stack.frames.size() ? i + 1 : 0;
  }
  return 0;
}

size_t finish(TextLines lines, Handled& handled, std::string_view format, TextReport& report) {
  Facts& facts = report.facts;
  StackFacts stack;
  size_t taken = take_stack(lines, handled, stack);
  if (taken == 0) {
    // Words alone are a crash only when they say where.
    if (!handled.address) return 0;
    taken = 1;
    stack.end = "not printed";
  }
  facts.reported.emplace();
  facts.crashing = std::move(stack);
  describe(handled, facts);
  facts.crash_frame = first_below_handler(facts.crashing);
  return finish_report(lines, taken, format, report);
}

// Lines of backtrace_symbols() by themselves: a stack, though not why it was printed.
size_t read_bare_stack(TextLines lines, TextReport& report) {
  if (!parse_symbols_line(lines[0].text)) return 0;
  Facts& facts = report.facts;
  const size_t taken = read_native_frames(lines, facts.crashing);
  if (taken < kMinBareFrames) {
    facts.crashing = {};
    return 0;
  }
  facts.reported.emplace().tool = "backtrace()";
  facts.reported->error = "a stack without a reason";
  facts.crash_frame = first_below_handler(facts.crashing);
  facts.missing.push_back({"the text does not say why the stack was printed", {}});
  return finish_report(lines, taken, kSignalHandlerText.name, report);
}

size_t read_signal_text(TextLines lines, TextReport& report) {
  Handled handled;
  const std::string_view text = trim(lines[0].text);
  if (!take_glog(text, handled) && !take_chromium(text, handled) && !take_uwsgi(text, handled) &&
      !take_other(text, handled))
    return read_bare_stack(lines, report);
  return finish(lines, handled, kSignalHandlerText.name, report);
}

size_t read_segfault_handler(TextLines lines, TextReport& report) {
  Handled handled;
  if (!take_segfault_handler(trim(lines[0].text), handled)) return 0;
  report.facts.process.runtime = "node";
  return finish(lines, handled, kSegfaultHandler.name, report);
}

}  // namespace

const Format kSignalHandlerText = {"signal-handler", kTriggers, read_signal_text};
const Format kSegfaultHandler = {"segfault-handler", kHandlerTriggers, read_segfault_handler};

}  // namespace inquest::diagnosis
