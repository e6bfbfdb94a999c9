// The JVM's fatal errors: what it prints, and the longer file hs_err_pid<N>.log.
#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/facts/signals.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/runtime_formats.h"
#include "diagnosis/text/runtime_stack.h"
#include "diagnosis/text/stack_lines.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr std::string_view kTriggers[] = {
    "# A fatal error has been detected by the Java Runtime Environment",
    "# There is insufficient memory for the Java Runtime Environment",
    "# An unexpected error has been detected by"};
constexpr size_t kMaxLines = 20'000;
constexpr size_t kMaxHead = 48;  // lines with '#'

struct Death {
  std::string first;   // "SIGSEGV (0xb) at pc=0x…, pid=1, tid=2"
  std::string detail;  // of an internal error: its message
  std::string frame;   // "C  [libn.so+0x1105]  load+0xc"
  std::string jre;
  int signal = 0;
  std::optional<int> code;
  std::optional<Address> pc, address;
  std::optional<uint64_t> pid, tid;
  bool no_memory = false;
};

std::optional<uint64_t> number_behind(std::string_view text, std::string_view mark) {
  const size_t at = text.find(mark);
  return at == std::string_view::npos ? std::nullopt
                                      : Words(text.substr(at + mark.size())).take_number();
}

std::optional<Address> hex_behind(std::string_view text, std::string_view mark) {
  const size_t at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const auto value = Words(text.substr(at + mark.size())).take_hex();
  return value ? std::optional<Address>(Address(*value)) : std::nullopt;
}

// "SIGSEGV (0xb) at pc=0x00007f4c, pid=14778, tid=14779", "Internal Error (file.cpp:12), pid=…"
void take_first(std::string_view text, Death& death) {
  death.first = text;
  death.signal = signal_number_of(text.substr(0, text.find(' ')));
  if (text.starts_with("EXCEPTION_ACCESS_VIOLATION")) death.signal = kSigSegv;
  death.pc = hex_behind(text, "pc=");
  death.pid = number_behind(text, "pid=");
  death.tid = number_behind(text, "tid=");
}

size_t take_head(TextLines lines, Death& death) {
  death.no_memory = lines[0].text.find("insufficient memory") != std::string_view::npos;
  size_t at = 1;
  for (; at < std::min(lines.size(), kMaxHead); ++at) {
    const std::string_view line = trim(lines[at].text);
    if (!line.starts_with('#')) break;
    const std::string_view text = trim(line.substr(1));
    if (text.empty()) continue;
    if (death.first.empty()) {
      take_first(text, death);
    } else if (text.starts_with("JRE version: ")) {
      death.jre = text.substr(13);
    } else if (text.starts_with("Problematic frame:") && at + 1 < lines.size()) {
      const std::string_view next = trim(lines[at + 1].text);
      if (next.starts_with('#')) death.frame = trim(next.substr(1));
    } else if (death.signal == 0 && death.detail.empty() && death.jre.empty()) {
      death.detail = text;
    }
  }
  return death.first.empty() ? 0 : at;
}

// "[libn.so+0x1105]  load+0xc" of native code and of the VM
void take_native(Words words, RuntimeFrame& frame, uint64_t& offset) {
  words.skip_blanks();
  if (!words.take("[")) {
    frame.function = trim(words.rest());
    return;
  }
  const auto place = words.take_until("]");
  if (!place) return;
  const size_t plus = place->rfind("+0x");
  frame.module = place->substr(0, plus);
  if (plus != std::string_view::npos) offset = hex_of(place->substr(plus + 1)).value_or(0);
  std::string_view name = trim(words.rest());
  frame.function = name.substr(0, name.rfind("+0x"));
}

// "N.main([Ljava/lang/String;)V+109", "4 c1 java.util.HashMap.get(…)V java.base@17 (23 bytes) @ …"
void take_java(Words words, RuntimeFrame& frame) {
  std::string_view text = trim(words.rest());
  const size_t open = text.find('(');
  std::string_view name = text.substr(0, open);
  if (const size_t blank = name.rfind(' '); blank != std::string_view::npos)
    name = name.substr(blank + 1);
  frame.function = name;
  frame.role = runtime_role(Language::kJava, name, "");
}

// "C  [libn.so+0x1105]  load+0xc", "j  N.f()V+0", "v  ~StubRoutines::call_stub"
bool take_frame(std::string_view text, StackFacts& stack) {
  text = trim(text);
  if (text.size() < 4 || text[1] != ' ') return false;
  RuntimeFrame frame;
  uint64_t offset = 0;
  Words words(text.substr(2));
  switch (text[0]) {
    case 'C':
      take_native(words, frame, offset);
      break;
    case 'V':
      take_native(words, frame, offset);
      frame.role = CodeRole::kLibrary;
      break;
    case 'J':
    case 'j':
    case 'A':
      take_java(words, frame);
      break;
    case 'v':
      frame.function = trim(words.rest());
      frame.role = CodeRole::kLanguage;
      break;
    default:
      return false;
  }
  append_runtime_frame(std::move(frame), stack);
  if (!stack.frames.empty() && offset != 0) stack.frames.back().module_offset = offset;
  return true;
}

size_t take_frames(TextLines lines, StackFacts& stack) {
  size_t at = 0;
  while (at < lines.size() && take_frame(lines[at].text, stack)) ++at;
  return at;
}

// "siginfo: si_signo: 11 (SIGSEGV), si_code: 1 (SEGV_MAPERR), si_addr: 0x000000000000000c"
void take_siginfo(std::string_view text, Death& death) {
  if (const auto code = number_behind(text, "si_code: "); code && *code <= INT32_MAX)
    death.code = static_cast<int>(*code);
  death.address = hex_behind(text, "si_addr: ");
  if (!death.address) death.address = hex_behind(text, "reading address ");
}

// The sections of the file, up to its "END." line; nothing of them when only the head was printed.
size_t take_sections(TextLines lines, Death& death, Facts& facts) {
  size_t at = 0, end = 0;
  while (at < lines.size() && trim(lines[at].text).empty()) ++at;
  if (at >= lines.size() || !trim(lines[at].text).starts_with("---------------")) return 0;
  for (; at < std::min(lines.size(), kMaxLines); ++at) {
    const std::string_view text = trim(lines[at].text);
    if (text.starts_with("Command Line: ")) facts.process.arguments = text.substr(14);
    if (text.starts_with("siginfo:")) take_siginfo(text, death);
    if (text.starts_with("Native frames: "))
      at += take_frames(lines.subspan(at + 1), facts.crashing);
    if (text.starts_with("Java frames: ")) {
      StackFacts java;
      java.title = "the Java frames";
      at += take_frames(lines.subspan(at + 1), java);
      if (!java.frames.empty()) facts.reported->related.push_back(std::move(java));
    }
    if (text.starts_with("Current thread ")) {
      const size_t open = text.find('"'), close = text.rfind('"');
      if (open < close) facts.crashing.thread_name = text.substr(open + 1, close - open - 1);
    }
    if (text.starts_with("# A fatal error has been detected")) break;
    if (!text.empty()) end = at + 1;
    if (text == "END.") break;
  }
  return std::min(end, lines.size());
}

void describe(const Death& death, Facts& facts) {
  facts.process.runtime = "java";
  facts.process.command = "java";
  facts.reported->summary = death.frame;
  facts.reported->error = death.no_memory ? "out of memory" : death.first;
  if (death.pid && *death.pid <= INT32_MAX) facts.process.pid = static_cast<int32_t>(*death.pid);
  if (death.tid && *death.tid <= INT32_MAX) facts.crashing.tid = static_cast<int32_t>(*death.tid);
  if (!death.jre.empty()) facts.other.push_back({"JRE: " + death.jre, {}});
  set_signal(facts, death.signal == 0 ? kSigAbrt : death.signal, death.code, death.address);
  if (is_fault_signal(death.signal)) set_fault(facts, AccessKind::kNone, death.address, death.pc);
  if (death.signal != 0 && !death.no_memory) return;
  facts.abort.message = death.detail.empty() ? death.first : death.detail;
  facts.abort.kind = death.no_memory ? AbortFacts::Kind::kOutOfMemory : AbortFacts::Kind::kOther;
  if (death.no_memory) facts.abort.message = death.first;
  if (death.detail.starts_with("guarantee(") || death.detail.starts_with("assert(") ||
      death.detail.starts_with("Error: assert"))
    facts.abort.kind = AbortFacts::Kind::kAssertion;
}

size_t read_report(TextLines lines, TextReport& report) {
  Death death;
  if (!trim(lines[0].text).starts_with('#')) return 0;
  const size_t head = take_head(lines, death);
  if (head == 0) return 0;
  Facts& facts = report.facts;
  facts.reported.emplace().tool = "Java VM";
  const size_t taken = head + take_sections(lines.subspan(head), death, facts);
  if (facts.crashing.frames.empty() && !death.frame.empty()) {
    take_frame(death.frame, facts.crashing);
    facts.crashing.end = "not printed";
  }
  describe(death, facts);
  // Native code that Java called into is written in something else.
  const bool in_java = !death.frame.empty() && (death.frame[0] == 'J' || death.frame[0] == 'j');
  if (in_java) facts.process.language = "Java";
  return finish_report(lines, taken, kJavaFatal.name, report);
}

}  // namespace

const Format kJavaFatal = {"java-fatal", kTriggers, read_report};

}  // namespace inquest::diagnosis
