#include "diagnosis/text/last_words.h"

#include <algorithm>
#include <array>
#include <utility>

#include "diagnosis/facts/signals.h"
#include "diagnosis/text/checker_formats.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/failure_signal.h"
#include "diagnosis/text/sanitizer_report.h"
#include "diagnosis/text/stack_lines.h"

namespace inquest::diagnosis {
namespace {

constexpr auto kNowhere = std::string_view::npos;
constexpr size_t kMaxSearch = 160;  // lines behind the words in which a death is looked for

constexpr std::array<std::string_view, 45> kTriggers = {
    "ssertion `", "ssertion '", "ssertion failed", "SSERTION FAILED", "ssertion \"", "ssertion ",
    " detected ***", "double free or corruption", "free(): ", "malloc(): ", "realloc(): ",
    "calloc(): ", "memalign(): ", "corrupted size vs. prev_size", "corrupted double-linked list",
    "munmap_chunk(): ", "mremap_chunk(): ", "malloc_consolidate(): ", "corrupted top size",
    "break adjusted to free", "%n in writable segment", "longjmp causes uninitialized",
    "Fatal glibc error: ", "terminate called ", "ure virtual ", "libc++abi", "libc++ Hardening",
    "FATAL:", "Check failed: ", "[assert] ", "should not be reached",
    "tcache_thread_shutdown(): ", "invalid fastbin entry",
    // glog: "F0813 00:29:27", by month
    "F01", "F02", "F03", "F04", "F05", "F06", "F07", "F08", "F09", "F10", "F11", "F12"};

bool is_fatal_signal(std::string_view message) {
  for (const std::string_view kind : {"ABRT on", "ABRT (", "ILL on", "TRAP on", "breakpoint on"}) {
    if (message.starts_with(kind)) return true;
  }
  return false;
}

// WebKit and Chromium crash on purpose by writing to such addresses.
bool is_deliberate_address(std::string_view message) {
  for (const std::string_view address :
       {"0x0000bbadbeef", "0x00000000bbadbeef", "0x0000fbadbeef"}) {
    if (message.find(address) != kNowhere) return true;
  }
  return false;
}

size_t named_frames(const StackFacts& stack) {
  return static_cast<size_t>(
      std::count_if(stack.frames.begin(), stack.frames.end(),
                    [](const FrameFact& frame) { return !frame.functions.back().name.empty(); }));
}

// The stack that says more is kept.
void offer_stack(StackFacts stack, Facts& facts) {
  const StackFacts& have = facts.crashing;
  if (have.frames.empty() || named_frames(stack) > named_frames(have))
    facts.crashing = std::move(stack);
}

// A sanitizer's or libFuzzer's report of the abort that the words announced.
size_t take_tool(TextLines lines, Facts& facts) {
  const auto header = parse_sanitizer_header(lines[0].text);
  if (!header) return 0;
  const bool fuzzer =
      header->tool == "libFuzzer" && (header->message.starts_with("deadly signal") ||
                                      header->message.starts_with("fuzz target exited"));
  if (!fuzzer && !is_fatal_signal(header->message) && !is_deliberate_address(header->message))
    return 0;
  auto raw = read_sanitizer_report(lines);
  if (!raw) return 0;
  facts.process.pid = raw->header.pid;
  if (!raw->sections.empty()) offer_stack(std::move(raw->sections.front().stack), facts);
  if (facts.signal.number == 0 && !fuzzer) {
    set_signal(facts, signal_number_of(header->message.substr(0, header->message.find(' '))));
  }
  return raw->taken;
}

// "======= Backtrace: =========" of old glibc; "======= Memory map: ========" behind it.
size_t skip_memory_map(const ReportLines& lines, size_t at) {
  if (at >= lines.size() || !lines[at].starts_with("======= Memory map")) return at;
  for (++at; at < lines.size(); ++at) {
    const size_t dash = lines[at].find('-');
    if (dash == kNowhere || dash > 16 || lines[at].find(' ') == kNowhere) break;
  }
  return at;
}

// Words of another end: what follows them is not this one's.
bool begins_other_words(const ReportLines& lines) {
  return read_libc_words(lines) || read_cxx_words(lines) || read_check_words(lines);
}

bool looks_like_stack(std::string_view text) {
  return text.starts_with("#0") || text.starts_with("@ ") || text.starts_with("0# ") ||
         text.starts_with("======= Backtrace") ||
         (text.find("[0x") != kNowhere && text.ends_with(']')) || text.starts_with("1 ");
}

}  // namespace

size_t take_death(TextLines lines, Facts& facts) {
  const ReportLines text(lines);
  size_t end = 0;
  bool has_own = false;
  for (size_t i = 0, last = kMaxSearch; i < std::min(text.size(), last);) {
    const std::string_view line = text[i];
    size_t taken = 0;
    if (looks_like_stack(line) && !has_own) {
      StackFacts stack;
      const size_t skip = line.starts_with("=======") ? 1 : 0;
      taken = read_stack(text.from(i + skip), stack);
      if (taken != 0) {
        taken = skip_memory_map(text, i + taken + skip) - i;
        has_own = true;
        offer_stack(std::move(stack), facts);
      }
    } else if (line.starts_with("Received signal ") || line.starts_with("*** SIG")) {
      Facts handler;
      taken = read_failure_signal(lines.subspan(i), handler);
      if (taken != 0) {
        if (facts.signal.number == 0) facts.signal = handler.signal;
        offer_stack(std::move(handler.crashing), facts);
      }
    } else if (line.find("== Process terminating with") != kNowhere) {
      TextReport valgrind;
      taken = kValgrind.read(lines.subspan(i), valgrind);
      if (taken != 0) {
        facts.process.pid = valgrind.facts.process.pid;
        offer_stack(std::move(valgrind.facts.crashing), facts);
        return i + taken;
      }
    } else if (line.find("ERROR: ") != kNowhere) {
      taken = take_tool(lines.subspan(i), facts);
      if (taken != 0) return i + taken;  // the tool has the last word
      if (parse_sanitizer_header(line)) break;
    } else if (i > 0 && begins_other_words(text.from(i))) {
      break;
    }
    i += std::max<size_t>(taken, 1);
    if (taken != 0) {
      end = i;
      last = i + kMaxSearch;
    }
  }
  return end;
}

namespace {

size_t read(TextLines lines, TextReport& report) {
  const ReportLines text(lines);
  auto words = read_libc_words(text);
  if (!words) words = read_cxx_words(text);
  if (!words) words = read_check_words(text);
  if (!words) return 0;
  Facts& facts = report.facts;
  if (words->raises_abort) set_signal(facts, kSigAbrt);
  facts.abort = std::move(words->abort);
  const size_t death = take_death(lines.subspan(words->taken), facts);
  if (words->needs_death && death == 0) return 0;
  ReportedFacts& reported = facts.reported.emplace();
  reported.tool = "the program";
  reported.error = facts.abort.message;
  for (size_t i = 0; i < words->taken; ++i) reported.excerpt.emplace_back(text[i]);
  facts.process.producer = reported.tool;
  facts.crash_frame = first_frame_behind_handler(facts.crashing);
  if (facts.crashing.frames.empty()) {
    facts.crashing.end = "no-more-frames";
    facts.missing.push_back({"the text has no stack", {}});
    facts.advice.emplace_back(
        "Keep a core of the next one: `ulimit -c unlimited`, then `inquest explain CORE`.");
  }
  complete_facts(facts);
  return words->taken + death;
}

}  // namespace

const Format kLastWords = {.name = "last-words", .triggers = kTriggers, .read = read};

}  // namespace inquest::diagnosis
