#include "diagnosis/text/javascript_stack.h"

#include <algorithm>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

// "AssertionError [ERR_ASSERTION]" → "AssertionError"; empty when the text is no type.
std::string_view type_of(std::string_view head) {
  const size_t code = head.find(" [");
  if (code != std::string_view::npos && head.ends_with(']')) head = head.substr(0, code);
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || c == '.';
  };
  const bool capital = !head.empty() && head.front() >= 'A' && head.front() <= 'Z';
  return capital && std::all_of(head.begin(), head.end(), is_part) ? head : std::string_view();
}

void strip_scheme(std::string_view& place) {
  if (place.starts_with("file://")) place.remove_prefix(7);
}

}  // namespace

std::optional<RuntimeFrame> javascript_frame(std::string_view line) {
  std::string_view text = trim(line);
  if (text.starts_with("at ")) text = trim_left(text.substr(3));
  if (text.ends_with(" {") || text.ends_with(",")) {  // the error's properties follow
    text = trim(text.substr(0, text.size() - 1));
  }
  RuntimeFrame frame;
  std::string_view name, place = text;
  // "f (place)": the bracket that closes the line opened behind the name.
  if (text.ends_with(')')) {
    const size_t open = text.find(" (");
    if (open == std::string_view::npos) return std::nullopt;
    name = text.substr(0, open);
    place = text.substr(open + 2, text.size() - open - 3);
    // "eval at f (/a.js:1:1), <anonymous>:1:1": where the evaluated text stands
    const size_t comma = place.rfind(", ");
    if (place.starts_with("eval at ") && comma != std::string_view::npos)
      place = place.substr(comma + 2);
  }
  if (name.starts_with("async ")) name.remove_prefix(6);
  strip_scheme(place);
  const bool known = parse_runtime_place(place, frame);
  if (!known) {
    if (name.empty() || (place != "<anonymous>" && place != "native" && place != "index 0" &&
                         !place.starts_with("native") && place != "[native code]"))
      return std::nullopt;
    frame.file = place;
  }
  // A sentence with a place behind it is no frame.
  if (name.empty() && place.find(' ') != std::string_view::npos && !place.starts_with("/"))
    return std::nullopt;
  frame.function = name;
  const size_t alias = frame.function.find(" [as ");
  frame.short_name = frame.function.substr(0, alias);
  frame.role = runtime_role(Language::kJavaScript, frame.short_name, frame.file);
  if (frame.function.empty()) frame.function = frame.short_name = "<anonymous>";
  return frame;
}

size_t read_javascript_frames(TextLines lines, StackFacts& stack) {
  size_t at = 0;
  for (; at < lines.size(); ++at) {
    const std::string_view text = trim(lines[at].text);
    if (text.starts_with("... ") && text.find("lines matching") != std::string_view::npos) continue;
    if (!text.starts_with("at ")) break;
    auto frame = javascript_frame(text);
    if (!frame) {
      // "at <unknown>", "at processTicks (unknown)": a frame all the same
      frame.emplace();
      frame->function = text.substr(3);
      frame->role = CodeRole::kLanguage;
    }
    append_runtime_frame(std::move(*frame), stack);
  }
  return at;
}

bool is_javascript_exception(std::string_view text) {
  const size_t colon = text.find(": ");
  const std::string_view type = type_of(text.substr(0, colon));
  return !type.empty() && (type.ends_with("Error") || type.ends_with("Exception") ||
                           type.ends_with("Rejection") || type.ends_with("Failure"));
}

void set_javascript_exception(std::string_view text, AbortFacts& abort) {
  text = trim(text);
  if (text.starts_with("Uncaught ")) text.remove_prefix(9);
  const size_t colon = text.find(": ");
  const std::string_view type = type_of(text.substr(0, colon));
  if (is_javascript_exception(text) || (!type.empty() && colon != std::string_view::npos)) {
    abort.exception_type = type;
    if (colon != std::string_view::npos)
      abort.exception_what = text.substr(colon + 2).substr(0, kMaxAbortText);
  } else {
    abort.exception_what = text.substr(0, kMaxAbortText);
  }
  abort.message = text.substr(0, kMaxAbortText);
  abort.kind = abort.exception_type == "AssertionError" ? AbortFacts::Kind::kAssertion
                                                        : AbortFacts::Kind::kException;
}

}  // namespace inquest::diagnosis
