#include "diagnosis/text/failure_signal.h"

#include <algorithm>
#include <array>
#include <string>

#include "diagnosis/facts/signals.h"
#include "diagnosis/text/checker_formats.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/stack_lines.h"

namespace inquest::diagnosis {
namespace {

constexpr auto kNowhere = std::string_view::npos;
constexpr size_t kMaxGap = 8;       // lines between the header and its stack
constexpr size_t kMaxTrailer = 24;  // lines of registers behind the stack
constexpr size_t kMaxHandlerFrames = 16;

constexpr std::array<std::string_view, 4> kTriggers = {"*** SIG", "*** Signal ", "Received signal ",
                                                       "fatal error: in \""};

// "SEGV_MAPERR": the number of the code; nullopt when unknown.
std::optional<int> code_of(int signal, std::string_view name) {
  for (int code = 1; code <= 15; ++code) {
    if (signal_code_name(signal, code) == name) return code;
  }
  return std::nullopt;
}

// "*** SIGSEGV received at time=1713 on cpu 2 ***", "*** SIGSEGV (@0x8) received by PID 12 (TID
// 0x7f) from PID 8; stack trace: ***"
// "*** Signal 11 (SIGSEGV) (0x8) received by PID 12 (…) (code: address not mapped to object), stack
// trace: ***"
bool read_stars(std::string_view text, Facts& facts) {
  const size_t mark = text.find("*** ");
  if (mark == kNowhere) return false;
  Words words(text.substr(mark + 4));
  if (words.take("Signal ")) words.take_until("(");
  const std::string_view rest = words.rest();
  const std::string_view name = rest.substr(0, rest.find_first_of(" )"));
  const int number = signal_number_of(name);
  if (number == 0 || !name.starts_with("SIG") || rest.find("received") == kNowhere) return false;
  std::optional<Address> address;
  for (const std::string_view open : {" (@", ") ("}) {
    const size_t at = rest.find(open);
    if (at == kNowhere) continue;
    Words hex(rest.substr(at + open.size()));
    if (const auto value = hex.take_hex()) address = Address(*value);
    break;
  }
  if (const size_t pid = rest.find("by PID "); pid != kNowhere) {
    Words digits(rest.substr(pid + 7));
    facts.process.pid = static_cast<int32_t>(digits.take_number().value_or(0) & INT32_MAX);
  }
  set_signal(facts, number, std::nullopt, address);
  return true;
}

// Chromium: "Received signal 11 SEGV_MAPERR 0000000000b0"
bool read_received(std::string_view text, Facts& facts) {
  Words words(text);
  if (!words.take("Received signal ")) return false;
  const auto number = words.take_number();
  if (!number || *number == 0 || *number > 64) return false;
  const int signal = static_cast<int>(*number);
  words.skip_blanks();
  const std::string_view code = words.take_word();
  words.skip_blanks();
  std::optional<Address> address;
  if (const auto value = words.take_bare_hex()) address = Address(*value);
  set_signal(facts, signal, code_of(signal, code), address);
  if (facts.signal.code_name.empty()) facts.signal.code_name = code;
  return code.empty() || code.find('_') != kNowhere || code.starts_with('<');
}

// boost.test: "a.cpp(12): fatal error: in "case": memory access violation at address: 0x0: no
// mapping at fault address"
bool read_boost(std::string_view text, Facts& facts) {
  const size_t mark = text.find("fatal error: in \"");
  if (mark == kNowhere) return false;
  if (const size_t at = text.find("memory access violation at address: ", mark); at != kNowhere) {
    Words words(text.substr(at + 36));
    std::optional<Address> address;
    if (const auto value = words.take_hex()) address = Address(*value);
    set_signal(facts, kSigSegv, std::nullopt, address);
    return true;
  }
  const size_t signal = text.find("signal: SIG", mark);
  if (signal == kNowhere) return false;
  const std::string_view name = text.substr(signal + 8);
  const int number = signal_number_of(name.substr(0, name.find_first_of(" ,")));
  if (number == 0) return false;
  set_signal(facts, number);
  return true;
}

bool is_trailer(std::string_view text) {
  static constexpr std::array<std::string_view, 10> kStarts = {
      "r8:",          "r12:", "di:", "dx:", "bx:", "cx:", "ip:", "trp:", "[end of stack trace]",
      "Calling _exit"};
  return std::any_of(kStarts.begin(), kStarts.end(),
                     [&](std::string_view start) { return text.starts_with(start); });
}

// Chromium's registers: "efl: …  erf: 0000000000000006", the page fault's error code.
void take_access(std::string_view text, AccessKind& access) {
  const size_t mark = text.find("erf: ");
  if (mark == kNowhere) return;
  Words words(text.substr(mark + 5));
  const auto error = words.take_bare_hex();
  if (!error) return;
  constexpr uint64_t kWrite = 2, kFetch = 16;
  access = (*error & kFetch) != 0   ? AccessKind::kExecute
           : (*error & kWrite) != 0 ? AccessKind::kWrite
                                    : AccessKind::kRead;
}

bool is_handler(const std::string& name) {
  static constexpr std::array<std::string_view, 16> kNames = {
      "base::debug::",
      "AbslFailureSignalHandler",
      "absl::AbslFailureSignalHandler",
      "FailureSignalHandler",
      "llvm::sys::",
      "PrintStackTrace",
      "SignalHandler",
      "fuzzer::PrintStackTrace",
      "fuzzer::Fuzzer::CrashCallback",
      "fuzzer::Fuzzer::StaticCrashSignalCallback",
      "__sanitizer_print_stack_trace",
      "__interceptor_backtrace",
      "google::",
      "folly::symbolizer::",
      "<signal handler called>",
      "WTFReportBacktrace"};
  return std::any_of(kNames.begin(), kNames.end(), [&](std::string_view known) {
    return name.starts_with(known) || (known.find(':') == kNowhere && name.ends_with(known));
  });
}

bool is_trampoline(const FunctionFact& function, const FrameFact& frame) {
  return function.short_name == "__restore_rt" ||
         function.short_name == "<signal handler called>" ||
         (function.short_name.empty() && (frame.module.find("libpthread") != kNowhere));
}

}  // namespace

size_t first_frame_behind_handler(const StackFacts& stack) {
  size_t first = 0;
  for (size_t i = 0; i < std::min(stack.frames.size(), kMaxHandlerFrames); ++i) {
    const FrameFact& frame = stack.frames[i];
    const bool handler =
        std::any_of(frame.functions.begin(), frame.functions.end(), [&](const FunctionFact& f) {
          return is_handler(f.short_name) ||
                 (is_trampoline(f, frame) && (first > 0 || f.short_name == "__restore_rt"));
        });
    if (handler) first = i + 1;
  }
  return first < stack.frames.size() ? first : 0;
}

size_t read_failure_signal(TextLines lines, Facts& facts) {
  const ReportLines text(lines);
  const std::string_view head = text[0];
  if (!read_stars(head, facts) && !read_received(head, facts) && !read_boost(head, facts)) return 0;
  size_t end = 1;
  for (size_t i = 1; i < std::min(text.size(), kMaxGap); ++i) {
    // "PC: @ 0x… (unknown)" is the frame that follows again.
    if (text[i].starts_with("PC: @")) {
      end = i + 1;
      continue;
    }
    StackFacts stack;
    const size_t taken = read_stack(text.from(i), stack);
    if (taken == 0) continue;
    facts.crashing = std::move(stack);
    end = i + taken;
    break;
  }
  AccessKind access = AccessKind::kNone;
  for (size_t i = end; i < std::min(text.size(), end + kMaxTrailer) && is_trailer(text[i]); ++i) {
    take_access(text[i], access);
    end = i + 1;
    if (text[i].starts_with("[end")) break;
  }
  facts.crash_frame = first_frame_behind_handler(facts.crashing);
  const bool memory = facts.signal.number == kSigSegv || facts.signal.number == kSigBus;
  if (memory) set_fault(facts, access, facts.signal.address, std::nullopt);
  if (facts.signal.number == kSigAbrt) facts.abort.kind = AbortFacts::Kind::kAbortCall;
  return end;
}

namespace {

size_t read(TextLines lines, TextReport& report) {
  Facts& facts = report.facts;
  const size_t taken = read_failure_signal(lines, facts);
  if (taken == 0) return 0;
  ReportedFacts& reported = facts.reported.emplace();
  reported.tool = "the program's signal handler";
  reported.error = facts.signal.name;
  if (lines.size() > 1 && lines[1].text.find("control flow integrity violation") != kNowhere) {
    reported.error += ": control flow integrity violation";
  }
  reported.address = facts.signal.address;
  if (facts.fault) reported.access = facts.fault->access;
  reported.excerpt.emplace_back(trim(lines[0].text));
  facts.process.producer = reported.tool;
  complete_facts(facts);
  return taken;
}

}  // namespace

const Format kFailureSignal = {
    .name = "failure-signal-handler", .triggers = kTriggers, .read = read};

}  // namespace inquest::diagnosis
