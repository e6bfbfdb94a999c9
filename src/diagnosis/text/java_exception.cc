// Java exceptions that left a thread:
//
//   Exception in thread "main" java.lang.IllegalStateException: no owner
//   	at shop.Cart.price(Cart.java:18)
//   Caused by: java.lang.NullPointerException
//   	at shop.Owner.name(Owner.java:7)
//   	... 1 more
#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/runtime_formats.h"
#include "diagnosis/text/runtime_stack.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr std::string_view kTriggers[] = {"Exception in thread \"",
                                          "FATAL EXCEPTION: ", "FATAL EXCEPTION IN SYSTEM PROCESS",
                                          "== Java Exception: "};
constexpr size_t kMaxCauses = 32;

// "at java.base/java.util.ArrayList.get(ArrayList.java:427)"
bool take_frame(std::string_view text, StackFacts& stack) {
  Words words(trim(text));
  if (!words.take("at ")) return false;
  const std::string_view rest = words.rest();
  const size_t open = rest.find('(');
  if (open == std::string_view::npos) return false;
  const size_t close = rest.find(')', open);
  if (close == std::string_view::npos) return false;
  RuntimeFrame frame;
  frame.function = rest.substr(0, open);
  frame.role = runtime_role(Language::kJava, frame.function, "");
  const std::string_view place = rest.substr(open + 1, close - open - 1);
  if (!parse_runtime_place(place, frame) && place.find("Native Method") == std::string_view::npos &&
      place.find("Unknown Source") == std::string_view::npos)
    frame.file = place;
  append_runtime_frame(std::move(frame), stack);
  return true;
}

// The frames that a cause has in common with what wrapped it are not printed again.
void append_common(size_t count, const StackFacts& wrapper, StackFacts& stack) {
  const size_t known = wrapper.frames.size();
  for (size_t i = known - std::min(count, known); i < known; ++i) {
    FrameFact frame = wrapper.frames[i];
    frame.index = stack.total_frames++;
    stack.frames.push_back(std::move(frame));
  }
}

// Frames from lines[0] on, and "... 4 more" of `wrapper`.
size_t take_frames(TextLines lines, const StackFacts& wrapper, StackFacts& stack) {
  size_t at = 0;
  for (; at < lines.size(); ++at) {
    const std::string_view text = trim(lines[at].text);
    if (text.starts_with("... ") && text.ends_with(" more")) {
      const auto count = Words(text.substr(4)).take_number();
      append_common(static_cast<size_t>(count.value_or(0)), wrapper, stack);
      continue;
    }
    if (!take_frame(text, stack)) break;
  }
  return at;
}

struct Raised {
  std::string type, message;
};

Raised raised_of(std::string_view text) {
  const size_t colon = text.find(": ");
  if (colon == std::string_view::npos) return {.type = std::string(text), .message = {}};
  return {.type = std::string(text.substr(0, colon)),
          .message = std::string(text.substr(colon + 2, kMaxAbortText))};
}

// What stands behind the first line's own words: the exception, on this line or on a later one.
size_t take_first(TextLines lines, Facts& facts, Raised& raised) {
  Words words(trim(lines[0].text));
  if (words.take_until("Exception in thread \"")) {
    const auto thread = words.take_until("\" ");
    if (!thread) return 0;
    facts.crashing.thread_name = *thread;
    raised = raised_of(words.rest());
    return 1;
  }
  words = Words(trim(lines[0].text));
  if (words.take_until("== Java Exception: ")) {
    raised = raised_of(words.rest());
    return 1;
  }
  // Android: "FATAL EXCEPTION: main", "Process: com.example, PID: 9", "java.lang.…"
  words = Words(trim(lines[0].text));
  if (!words.take_until("FATAL EXCEPTION")) return 0;
  words.take(": ");
  facts.crashing.thread_name = words.rest();
  size_t at = 1;
  if (at < lines.size() && trim(lines[at].text).starts_with("Process: ")) {
    Words process(trim(lines[at].text).substr(9));
    if (const auto name = process.take_until(", PID: ")) {
      facts.process.command = *name;
      if (const auto pid = process.take_number(); pid && *pid <= INT32_MAX)
        facts.process.pid = static_cast<int32_t>(*pid);
    }
    ++at;
  }
  if (at >= lines.size()) return 0;
  raised = raised_of(trim(lines[at].text));
  return at + 1;
}

size_t read_report(TextLines lines, TextReport& report) {
  Facts& facts = report.facts;
  Raised raised;
  size_t at = take_first(lines, facts, raised);
  if (at == 0 || raised.type.find('.') == std::string::npos) return 0;
  const std::string thread = facts.crashing.thread_name;
  // A message may go on over lines until the first frame.
  for (size_t i = at; i < std::min(lines.size(), at + 8); ++i) {
    if (!trim(lines[i].text).starts_with("at ")) continue;
    at = i;
    break;
  }
  at += take_frames(lines.subspan(at), {}, facts.crashing);
  for (size_t causes = 0; causes < kMaxCauses && at < lines.size(); ++causes) {
    const std::string_view text = trim(lines[at].text);
    if (!text.starts_with("Caused by: ")) break;
    facts.other.push_back({fmt::format("it wrapped: {}: {}", raised.type, raised.message), {}});
    raised = raised_of(text.substr(11));
    // The cause is where it began; its frames replace those of the wrapper.
    StackFacts cause;
    at += 1 + take_frames(lines.subspan(at + 1), facts.crashing, cause);
    if (!cause.frames.empty()) facts.crashing = std::move(cause);
  }
  facts.crashing.thread_name = thread;
  facts.reported.emplace().tool = "Java VM";
  facts.reported->error = "uncaught exception";
  facts.process.language = "Java";
  facts.process.runtime = "java";
  if (facts.process.command.empty()) facts.process.command = "java";
  facts.abort.exception_type = raised.type;
  facts.abort.exception_what = raised.message;
  facts.abort.message = raised.message.empty() ? raised.type : raised.type + ": " + raised.message;
  facts.abort.kind = raised.type.ends_with(".OutOfMemoryError") ? AbortFacts::Kind::kOutOfMemory
                     : raised.type.ends_with(".AssertionError") ? AbortFacts::Kind::kAssertion
                                                                : AbortFacts::Kind::kException;
  return finish_report(lines, at, kJavaException.name, report);
}

}  // namespace

const Format kJavaException = {"java-exception", kTriggers, read_report};

}  // namespace inquest::diagnosis
