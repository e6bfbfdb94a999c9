#include "diagnosis/text/go_stack.h"

#include "diagnosis/text/runtime_stack.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

// "main.(*Cart).price(0xc0, 0x7)": the name before its arguments; generics and receivers have
// brackets of their own.
std::string_view without_arguments(std::string_view text) {
  if (!text.ends_with(')')) return text;
  size_t depth = 0;
  for (size_t i = text.size(); i-- > 0;) {
    if (text[i] == ')') ++depth;
    if (text[i] == '(' && --depth == 0) return text.substr(0, i);
  }
  return text;
}

// Some viewers turn the tab into a wide blank.
constexpr std::string_view kEmSpace = "\xe2\x80\x83";

bool is_indented(std::string_view text) {
  return text.starts_with('\t') || text.starts_with(' ') || text.starts_with(kEmSpace);
}

// "/src/app/cart.go:18 +0x6e fp=0x… sp=0x… pc=0x484540"
bool parse_go_place(std::string_view text, RuntimeFrame& frame) {
  text = trim(text);
  if (text.starts_with(kEmSpace)) text = trim(text.substr(kEmSpace.size()));
  for (const std::string_view mark : {" +0x", " fp=0x", " pc=0x", " ("}) {
    const size_t at = text.find(mark);
    if (at == std::string_view::npos) continue;
    const size_t pc = text.find(" pc=", at);
    if (pc != std::string_view::npos) {
      Words words(text.substr(pc + 4));
      if (const auto value = words.take_hex()) frame.pc = Address(*value);
    }
    text = text.substr(0, at);
    break;
  }
  return parse_runtime_place(text, frame);
}

// A function and its place. False when the two lines are something else.
bool read_frame(TextLines lines, StackFacts& stack) {
  if (lines.size() < 2 || !is_indented(lines[1].text)) return false;
  const std::string_view text = trim(lines[0].text);
  if (text.empty() || is_indented(lines[0].text)) return false;
  RuntimeFrame frame;
  if (!parse_go_place(lines[1].text, frame)) return false;
  frame.function = text;
  frame.short_name = without_arguments(text);
  frame.role = runtime_role(Language::kGo, frame.short_name, frame.file);
  append_runtime_frame(std::move(frame), stack);
  return true;
}

}  // namespace

bool is_go_stack_header(std::string_view line, std::string_view* state) {
  line = trim(line);
  if (line == "runtime stack:") {
    if (state != nullptr) *state = "runtime";
    return true;
  }
  Words words(line);
  if (!words.take("goroutine ") || !words.take_number()) return false;
  const size_t open = words.rest().find('[');
  if (open == std::string_view::npos || !line.ends_with("]:")) return false;
  if (state != nullptr) *state = words.rest().substr(open + 1, words.rest().size() - open - 3);
  return true;
}

size_t read_go_stack(TextLines lines, StackFacts& stack) {
  std::string_view state;
  if (lines.empty() || !is_go_stack_header(lines[0].text, &state)) return 0;
  const std::string_view header = trim(lines[0].text);
  stack.thread_name = header.substr(0, header.size() - 1);
  size_t at = 1;
  while (at < lines.size()) {
    const std::string_view text = trim(lines[at].text);
    if (text.starts_with("created by ")) {
      const bool has_place = at + 1 < lines.size() && is_indented(lines[at + 1].text);
      at += has_place ? 2 : 1;
      break;
    }
    if (text.starts_with("...") || text.starts_with("goroutine running on other thread")) {
      ++at;
      continue;
    }
    if (!read_frame(lines.subspan(at), stack)) break;
    at += 2;
  }
  return at;
}

}  // namespace inquest::diagnosis
