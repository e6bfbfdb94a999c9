// What a Rust program prints when it panics, runs out of stack or of memory.
#include <fmt/format.h>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/facts/signals.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/runtime_formats.h"
#include "diagnosis/text/runtime_stack.h"
#include "diagnosis/text/rust_backtrace.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxMessageLines = 32;
constexpr size_t kMaxPanics = 8;  // one after the other, of one death

constexpr std::string_view kTriggers[] = {" panicked at ", "has overflowed its stack",
                                          "memory allocation of "};

struct Panic {
  std::string thread;
  std::optional<uint64_t> tid;
  std::string message;
  RuntimeFrame place;  // file empty: not said
  StackFacts stack;
  bool aborts = false;  // the text says that the process was ended by it
  size_t lines = 0;     // it takes
};

bool is_backtrace_start(std::string_view text) {
  return text == "stack backtrace:" || text.starts_with("note: run with `RUST_BACKTRACE") ||
         text.starts_with("note: Run with `RUST_BACKTRACE");
}

// "thread 'main' (5771)": name and number. Nothing is consumed when it is something else.
bool take_thread(Words& words, Panic& panic) {
  if (!words.take_until("thread '")) return false;
  const auto name = words.take_until("'");
  if (!name) return false;
  panic.thread = *name;
  if (words.take(" (")) {
    panic.tid = words.take_number();
    if (!words.take(")")) return false;
  }
  return true;
}

// Before 1.73: "'message', src/main.rs:2:5"; the message may go over several lines. Returns the
// lines taken, 0 when it is not of that form.
size_t take_quoted_message(TextLines lines, std::string_view first, Panic& panic) {
  std::string text(first.substr(1));
  for (size_t i = 1; i <= kMaxMessageLines; ++i) {
    const size_t quote = text.rfind("', ");
    if (quote != std::string::npos &&
        parse_runtime_place(trim(std::string_view(text).substr(quote + 3)), panic.place)) {
      panic.message = text.substr(0, quote);
      return i;
    }
    if (i >= lines.size()) break;
    text += '\n';
    text += lines[i].text;
  }
  panic.message = first.substr(1);
  return 1;
}

// The lines behind "panicked at src/main.rs:2:5:". More than one belongs to the message only when
// what ends it is in sight.
size_t take_message(TextLines lines, Panic& panic) {
  size_t end = 0;
  for (size_t i = 0; i < std::min(lines.size(), kMaxMessageLines); ++i) {
    const std::string_view text = trim(lines[i].text);
    if (is_backtrace_start(text) || text.starts_with("thread caused non-unwinding panic")) {
      end = i;
      break;
    }
    if (text.find(" panicked at ") != std::string_view::npos && i > 0) break;
    const bool operand = text.starts_with("left:") || text.starts_with("right:");
    if (i == 0 || (operand && i <= 2)) end = i + 1;
  }
  for (size_t i = 0; i < end; ++i) {
    if (i > 0) panic.message += '\n';
    panic.message += lines[i].text;
  }
  while (panic.message.ends_with('\n')) panic.message.pop_back();
  return end;
}

// What may follow: the note, the backtrace, the runtime's last words.
size_t take_ending(TextLines lines, Panic& panic) {
  size_t at = 0;
  while (at < lines.size()) {
    const std::string_view text = trim(lines[at].text);
    if (text == "stack backtrace:") {
      ++at;
      at += read_rust_frames(lines.subspan(at), panic.stack);
    } else if (is_backtrace_start(text) || text.starts_with("note: Some details are omitted")) {
      ++at;
    } else if (text.starts_with("thread caused non-unwinding panic") ||
               text.starts_with("fatal runtime error: ") ||
               text.starts_with("thread panicked while")) {
      panic.aborts = true;
      ++at;
    } else if (text == "Aborted" || text.starts_with("Aborted (core dumped)")) {
      panic.aborts = true;
      return at + 1;
    } else {
      break;
    }
  }
  return at;
}

std::optional<Panic> read_panic(TextLines lines) {
  Panic panic;
  Words words(lines[0].text);
  if (!take_thread(words, panic) || !words.take(" panicked at ")) return std::nullopt;
  const std::string_view rest = trim(words.rest());
  if (rest.starts_with('\'')) {
    panic.lines = take_quoted_message(lines, rest, panic);
  } else {
    if (!rest.ends_with(':') || !parse_runtime_place(rest.substr(0, rest.size() - 1), panic.place))
      return std::nullopt;
    panic.lines = 1 + take_message(lines.subspan(1), panic);
  }
  panic.lines += take_ending(lines.subspan(panic.lines), panic);
  return panic;
}

// A panic that the runtime adds because the one before could not be handled.
bool is_consequence(const Panic& panic) {
  return panic.message.starts_with("panic in a destructor during cleanup") ||
         panic.message.starts_with("panic in a function that cannot unwind");
}

// The panics of one thread that led to one death, as far as they stand together.
std::vector<Panic> read_panics(TextLines lines, size_t& taken) {
  std::vector<Panic> panics;
  std::vector<size_t> ends;
  size_t at = 0;
  while (at < lines.size() && panics.size() < kMaxPanics) {
    auto panic = read_panic(lines.subspan(at));
    if (!panic || (!panics.empty() && panic->thread != panics.front().thread)) break;
    at += panic->lines;
    panics.push_back(std::move(*panic));
    ends.push_back(at);
    while (at < lines.size() && trim(lines[at].text).empty()) ++at;
  }
  // Only a panic during a panic is the same death.
  size_t last = 0;
  for (size_t i = 1; i < panics.size(); ++i) {
    if (is_consequence(panics[i])) last = i;
  }
  if (panics.size() > last + 1) panics.resize(last + 1);
  taken = panics.empty() ? 0 : ends[panics.size() - 1];
  return panics;
}

void describe_stack(Panic& panic, Facts& facts) {
  facts.crashing = std::move(panic.stack);
  if (facts.crashing.frames.empty() && !panic.place.file.empty()) {
    append_runtime_frame(panic.place, facts.crashing);
    facts.crashing.end = "not printed";
    facts.missing.push_back({"the text holds no backtrace, only the place of the panic", {}});
    facts.advice.emplace_back("set RUST_BACKTRACE=1 to have the backtrace printed");
  }
  if (facts.crashing.frames.empty()) facts.crashing.end = "not printed";
  facts.crash_frame = first_frame_below_panic(facts.crashing);
  // Without line tables the frames have no places; the panic itself has one.
  if (facts.crash_frame != 0) {
    FunctionFact& function = facts.crashing.frames[facts.crash_frame].functions.front();
    if (function.file.empty()) {
      function.file = panic.place.file;
      function.line = panic.place.line;
    }
  }
  facts.crashing.thread_name = panic.thread;
  if (panic.tid && *panic.tid <= INT32_MAX) facts.crashing.tid = static_cast<int32_t>(*panic.tid);
}

ReportedFacts reported_by_rust(std::string error) {
  ReportedFacts reported;
  reported.tool = "Rust runtime";
  reported.error = std::move(error);
  return reported;
}

size_t read_stack_overflow(TextLines lines, TextReport& report) {
  Panic panic;
  Words words(lines[0].text);
  if (!take_thread(words, panic) || !words.take(" has overflowed its stack")) return 0;
  Facts& facts = report.facts;
  facts.reported = reported_by_rust("stack overflow");
  facts.process.language = "Rust";
  facts.crashing.thread_name = panic.thread;
  facts.crashing.end = "not printed";
  set_signal(facts, kSigAbrt);
  facts.abort.kind = AbortFacts::Kind::kOther;
  facts.abort.message = trim(lines[0].text);
  facts.missing.push_back({"the text holds no stack", {}});
  facts.advice.emplace_back("a core holds the stack: run with `ulimit -c unlimited`");
  const size_t more = take_ending(lines.subspan(1), panic);
  return finish_report(lines, 1 + more, kRustPanic.name, report);
}

size_t read_out_of_memory(TextLines lines, TextReport& report) {
  const std::string_view text = trim(lines[0].text);
  if (!text.starts_with("memory allocation of ") || !text.ends_with(" bytes failed")) return 0;
  Panic panic;
  const size_t more = take_ending(lines.subspan(1), panic);
  Facts& facts = report.facts;
  facts.reported = reported_by_rust("out of memory");
  facts.process.language = "Rust";
  set_signal(facts, kSigAbrt);
  facts.abort = parse_abort_text(text);
  describe_stack(panic, facts);
  return finish_report(lines, 1 + more, kRustPanic.name, report);
}

size_t read_report(TextLines lines, TextReport& report) {
  if (const size_t taken = read_stack_overflow(lines, report)) return taken;
  if (const size_t taken = read_out_of_memory(lines, report)) return taken;
  size_t taken = 0;
  std::vector<Panic> panics = read_panics(lines, taken);
  if (panics.empty()) return 0;
  Facts& facts = report.facts;
  facts.reported = reported_by_rust("panic");
  facts.process.language = "Rust";
  Panic& first = panics.front();
  facts.abort.kind = AbortFacts::Kind::kPanic;
  facts.abort.message = first.message.substr(0, kMaxAbortText);
  facts.abort.file = first.place.file;
  facts.abort.line = first.place.line;
  for (size_t i = 1; i < panics.size(); ++i) {
    facts.other.push_back({fmt::format("it panicked again at {}:{}: {}", panics[i].place.file,
                                       panics[i].place.line, panics[i].message),
                           {}});
  }
  if (panics.back().aborts || panics.size() > 1) set_signal(facts, kSigAbrt);
  describe_stack(first, facts);
  return finish_report(lines, taken, kRustPanic.name, report);
}

}  // namespace

const Format kRustPanic = {"rust-panic", kTriggers, read_report};

}  // namespace inquest::diagnosis
