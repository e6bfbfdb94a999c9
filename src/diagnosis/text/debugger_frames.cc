#include "diagnosis/text/debugger_frames.h"

#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxArguments = 64, kMaxValue = 512;

// Where the bracket that opens at text[open] closes; npos when it does not.
size_t closing(std::string_view text, size_t open) {
  size_t depth = 0;
  char quote = 0;
  for (size_t i = open; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
    } else if (c == '"') {
      quote = c;
    } else if (c == '(' || c == '{') {
      ++depth;
    } else if ((c == ')' || c == '}') && --depth == 0) {
      return i;
    }
  }
  return std::string_view::npos;
}

// The bracket with the arguments: " (" whose closing bracket ends the text or has " at " or
// " from " behind it.
size_t gdb_arguments(std::string_view text, size_t& close) {
  for (size_t open = text.find(" ("); open != std::string_view::npos;
       open = text.find(" (", open + 1)) {
    close = closing(text, open + 1);
    if (close == std::string_view::npos) return close;
    const std::string_view behind = text.substr(close + 1);
    if (trim(behind).empty() || behind.starts_with(" at ") || behind.starts_with(" from "))
      return open + 1;
  }
  return std::string_view::npos;
}

}  // namespace

std::optional<DebuggerFrame> parse_gdb_frame(std::string_view text) {
  text = trim(text);
  Words words(text);
  if (!words.take("#")) return std::nullopt;
  const auto number = words.take_number();
  if (!number || *number > 1'000'000 || !words.rest().starts_with(" ")) return std::nullopt;
  words.skip_blanks();
  DebuggerFrame frame;
  frame.line.number = static_cast<uint32_t>(*number);
  if (words.take("<signal handler called>")) {
    frame.line.function = "<signal handler called>";
    return frame;
  }
  if (const auto pc = words.take_hex()) {
    frame.line.pc = Address(*pc);
    if (!words.take(" in ")) return std::nullopt;
  }
  const std::string_view rest = words.rest();
  size_t close = 0;
  const size_t open = gdb_arguments(rest, close);
  if (open == std::string_view::npos || open < 2) return std::nullopt;
  frame.line.function = trim(rest.substr(0, open));
  if (frame.line.function == "??") frame.line.function = {};
  frame.arguments = rest.substr(open + 1, close - open - 1);
  const std::string_view behind = rest.substr(close + 1);
  if (behind.starts_with(" at ")) parse_source_place(trim(behind.substr(4)), frame.line);
  if (behind.starts_with(" from ")) frame.line.module = trim(behind.substr(6));
  return frame;
}

std::optional<DebuggerFrame> parse_lldb_frame(std::string_view text) {
  Words words(trim(text));
  words.take("* ");
  words.skip_blanks();
  if (!words.take("frame #")) return std::nullopt;
  const auto number = words.take_number();
  if (!number || *number > 1'000'000 || !words.take(": ")) return std::nullopt;
  DebuggerFrame frame;
  frame.line.number = static_cast<uint32_t>(*number);
  const auto pc = words.take_hex();
  if (!pc) return std::nullopt;
  frame.line.pc = Address(*pc);
  words.skip_blanks();
  std::string_view rest = words.rest();
  if (const size_t tick = rest.find('`'); tick != std::string_view::npos) {
    frame.line.module = rest.substr(0, tick);
    rest = rest.substr(tick + 1);
  }
  if (const size_t at = rest.rfind(" at "); at != std::string_view::npos) {
    if (parse_source_place(trim(rest.substr(at + 4)), frame.line)) rest = rest.substr(0, at);
  }
  for (const std::string_view mark : {" [inlined]", " [opt]", " [artificial]"}) {
    if (const size_t at = rest.find(mark); at != std::string_view::npos) rest = rest.substr(0, at);
  }
  if (const size_t plus = rest.rfind(" + "); plus != std::string_view::npos)
    rest = rest.substr(0, plus);
  // "f(x=1)" shows values; "f(int)" shows types
  if (rest.ends_with(')')) {
    for (size_t open = rest.find('('); open != std::string_view::npos;
         open = rest.find('(', open + 1)) {
      if (closing(rest, open) != rest.size() - 1) continue;
      const std::string_view inside = rest.substr(open + 1, rest.size() - open - 2);
      if (inside.find('=') != std::string_view::npos) {
        frame.arguments = inside;
        rest = rest.substr(0, open);
      }
      break;
    }
  }
  if (!rest.starts_with("___lldb_unnamed_symbol")) frame.line.function = rest;
  return frame;
}

std::vector<VariableFact> parse_arguments(std::string_view text) {
  std::vector<VariableFact> variables;
  while (!text.empty() && variables.size() < kMaxArguments) {
    // Up to the next comma that is in no bracket and no quotes.
    size_t end = 0, depth = 0;
    char quote = 0;
    for (; end < text.size(); ++end) {
      const char c = text[end];
      if (quote != 0) {
        if (c == '\\') ++end;
        if (c == quote) quote = 0;
      } else if (c == '"') {
        quote = c;
      } else if (c == '(' || c == '{' || c == '<') {
        ++depth;
      } else if ((c == ')' || c == '}' || c == '>') && depth > 0) {
        --depth;
      } else if (c == ',' && depth == 0) {
        break;
      }
    }
    const std::string_view one = trim(text.substr(0, std::min(end, text.size())));
    text = end >= text.size() ? std::string_view() : text.substr(end + 1);
    const size_t equals = one.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    VariableFact& variable = variables.emplace_back();
    variable.name = one.substr(0, equals);
    variable.is_argument = true;
    const std::string_view value = one.substr(equals + 1);
    if (value == "<optimized out>") {
      variable.why_not = "optimized out";
    } else {
      variable.text = value.substr(0, kMaxValue);
    }
  }
  return variables;
}

void append_debugger_frame(const DebuggerFrame& frame, StackFacts& stack) {
  const size_t before = stack.frames.size();
  append_frame(frame.line, stack);
  if (stack.frames.empty() || stack.frames.size() == before) return;
  FrameFact& fact = stack.frames.back();
  fact.variables = parse_arguments(frame.arguments);
  for (VariableFact& variable : fact.variables)
    variable.function = fact.functions.back().short_name;
  fact.is_signal_handler_return = frame.line.function == "<signal handler called>";
}

}  // namespace inquest::diagnosis
