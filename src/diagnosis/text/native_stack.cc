#include "diagnosis/text/native_stack.h"

#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr uint64_t kMaxNumber = 100'000;
constexpr uint64_t kEndOfUnmoved = uint64_t{1} << 32;

// "f(int) [clone .cold]" keeps its suffix; "+0x12" goes.
std::string_view symbol_of(std::string_view text) {
  text = trim(text);
  const size_t plus = text.rfind("+0x");
  return plus == std::string_view::npos ? text : text.substr(0, plus);
}

}  // namespace

std::optional<StackLine> parse_numbered_frame(std::string_view text) {
  Words words(trim(text));
  const auto number = words.take_number();
  if (!number || *number > kMaxNumber || !words.take(": ")) return std::nullopt;
  words.skip_blanks();
  StackLine line;
  line.number = static_cast<uint32_t>(*number);
  if (const auto pc = words.take_hex()) line.pc = Address(*pc);
  std::string_view rest = trim(words.rest());
  if (rest.ends_with(']')) {
    const size_t open = rest.rfind('[');
    if (open != std::string_view::npos && !rest.substr(open).starts_with("[clone ")) {
      line.module = rest.substr(open + 1, rest.size() - open - 2);
      rest = trim(rest.substr(0, open));
    }
  }
  line.function = symbol_of(rest);
  // Node's executable is not moved when it is loaded: its addresses are those of the file.
  if (line.pc && !line.module.empty() && line.pc->value < kEndOfUnmoved)
    line.module_offset = line.pc->value;
  if (!line.pc && (line.function.empty() || line.function.find(' ') != std::string_view::npos))
    return std::nullopt;
  return line;
}

std::optional<StackLine> parse_symbols_line(std::string_view text) {
  text = trim(text);
  if (!text.ends_with(']')) return std::nullopt;
  const size_t bracket = text.rfind("[0x");
  if (bracket == std::string_view::npos) return std::nullopt;
  StackLine line;
  const auto pc = hex_of(text.substr(bracket + 1, text.size() - bracket - 2));
  if (!pc) return std::nullopt;
  line.pc = Address(*pc);
  text = trim(text.substr(0, bracket));
  if (text.empty()) return line;
  const size_t open = text.find('(');
  if (open == std::string_view::npos || !text.ends_with(')')) return std::nullopt;
  line.module = trim(text.substr(0, open));
  std::string_view inside = text.substr(open + 1, text.size() - open - 2);
  if (line.module.empty() || line.module.find_first_of(" \t,;=") != std::string_view::npos)
    return std::nullopt;
  const size_t plus = inside.rfind("+0x");
  if (plus != std::string_view::npos) {
    if (plus == 0) line.module_offset = hex_of(inside.substr(1));
    inside = inside.substr(0, plus);
  }
  // Ruby prints the address where the symbol would stand.
  if (!inside.starts_with("0x")) line.function = inside;
  return line;
}

size_t read_native_frames(TextLines lines, StackFacts& stack) {
  size_t at = 0;
  std::optional<uint32_t> last;
  for (; at < lines.size(); ++at) {
    auto line = parse_numbered_frame(lines[at].text);
    if (line && last && *line->number <= *last) break;
    if (line) last = line->number;
    if (!line) line = parse_symbols_line(lines[at].text);
    if (!line) break;
    append_frame(*line, stack);
  }
  return at;
}

}  // namespace inquest::diagnosis
