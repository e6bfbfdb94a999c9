#include "diagnosis/text/stack_line_parts.h"

#include <algorithm>
#include <array>
#include <utility>

#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr auto kNowhere = std::string_view::npos;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool has_source_extension(std::string_view path) {
  static constexpr std::array<std::string_view, 30> kExtensions = {
      "c",   "cc",  "cpp", "cxx", "c++",   "C",  "h",    "hh", "hpp", "hxx",
      "inl", "inc", "ipp", "tcc", "rs",    "go", "py",   "S",  "s",   "asm",
      "m",   "mm",  "tq",  "cu",  "swift", "y",  "java", "js", "ts",  "def"};
  const size_t dot = path.rfind('.');
  if (dot == kNowhere || dot == 0) return false;
  return std::find(kExtensions.begin(), kExtensions.end(), path.substr(dot + 1)) !=
         kExtensions.end();
}

// Cuts ":12" off the end of `text`; "?" is what some tools print for "unknown".
bool take_trailing_number(std::string_view& text, uint32_t& value) {
  const size_t colon = text.rfind(':');
  if (colon == kNowhere || colon + 1 == text.size()) return false;
  const std::string_view digits = text.substr(colon + 1);
  const auto number = digits == "?" ? std::optional<uint64_t>(0) : number_of(digits);
  if (!number || *number > UINT32_MAX) return false;
  value = static_cast<uint32_t>(*number);
  text = text.substr(0, colon);
  return true;
}

// The '(' that belongs to the ')' at the end of `text`.
size_t opening_of_last(std::string_view text) {
  size_t depth = 0;
  for (size_t i = text.size(); i > 0; --i) {
    if (text[i - 1] == ')') ++depth;
    if (text[i - 1] == '(' && --depth == 0) return i - 1;
  }
  return kNowhere;
}

// "(/bin/app+0x12)", "(<unknown module>)" at the end of `rest`.
bool take_module(std::string_view& rest, StackLine& line) {
  if (!rest.ends_with(')')) return false;
  const size_t open = opening_of_last(rest);
  if (open == kNowhere || (open > 0 && rest[open - 1] != ' ')) return false;
  std::string_view inside = rest.substr(open + 1, rest.size() - open - 2);
  const size_t plus = inside.rfind("+0x");
  if (plus != kNowhere) {
    const auto offset = hex_of(inside.substr(plus + 1));
    if (!offset || plus == 0) return false;
    line.module_offset = offset;
    inside = inside.substr(0, plus);
  } else if (inside != "<unknown module>" && !inside.starts_with('/') && inside != "[vdso]") {
    return false;
  }
  if (inside != "<unknown module>") line.module = inside;
  rest = trim(rest.substr(0, open));
  return true;
}

// Where an absolute path begins behind a function: " /src", " C:\src".
size_t absolute_path(std::string_view text) {
  int depth = 0;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')') --depth;
    if (text[i] != ' ' || depth != 0) continue;
    if (text[i + 1] == '/') return i;
    if (i + 3 < text.size() && is_letter(text[i + 1]) && text[i + 2] == ':' &&
        (text[i + 3] == '\\' || text[i + 3] == '/'))
      return i;
  }
  return kNowhere;
}

// "f (x=1) at a.cc:3", "f () from /lib/x.so": gdb; boost prints "f(int) at a.cc:3".
bool take_gdb_place(std::string_view& rest, StackLine& line) {
  const size_t at = rest.rfind(" at "), from = rest.rfind(" from ");
  if (from != kNowhere && (at == kNowhere || from > at) && rest.find(' ', from + 6) == kNowhere) {
    line.module = rest.substr(from + 6);
    rest = rest.substr(0, from);
  } else if (at != kNowhere && rest.find(' ', at + 4) == kNowhere &&
             parse_source_place(rest.substr(at + 4), line)) {
    rest = rest.substr(0, at);
  } else {
    return false;
  }
  // gdb's arguments stand apart from the name: "f<int>(int) (x=1)".
  if (rest.ends_with(')')) {
    const size_t open = opening_of_last(rest);
    if (open != kNowhere && open > 0 && rest[open - 1] == ' ') rest = trim(rest.substr(0, open));
  }
  return true;
}

bool take_place(std::string_view& rest, StackLine& line) {
  if (rest.ends_with(']')) {  // "f() [../a.cc:3:5]"
    const size_t open = rest.rfind('[');
    if (open != kNowhere &&
        parse_source_place(rest.substr(open + 1, rest.size() - open - 2), line)) {
      rest = trim(rest.substr(0, open));
      return true;
    }
  }
  const size_t absolute = absolute_path(rest);
  const size_t cut = absolute != kNowhere ? absolute : rest.rfind(' ');
  const std::string_view place = cut == kNowhere ? rest : rest.substr(cut + 1);
  if (!parse_source_place(place, line)) return false;
  rest = cut == kNowhere ? std::string_view() : trim(rest.substr(0, cut));
  return true;
}

// "<<application>>+0x75a95", "<libc.so>+0x975fe" at the end of `rest`: Fuchsia
void take_bracketed_module(std::string_view& rest, StackLine& line) {
  const size_t blank = rest.rfind(' ');
  const std::string_view word = blank == kNowhere ? rest : rest.substr(blank + 1);
  const size_t plus = word.rfind(">+0x");
  if (!word.starts_with('<') || plus == kNowhere) return;
  const auto offset = hex_of(word.substr(plus + 2));
  if (!offset) return;
  line.module_offset = offset;
  line.module = word.substr(1, plus - 1);
  if (line.module.starts_with('<')) line.module = line.module.substr(1, line.module.find('>') - 1);
  rest = blank == kNowhere ? std::string_view() : trim(rest.substr(0, blank));
}

// "a.cc:1115 (discriminator 1)"
void drop_discriminator(std::string_view& rest) {
  const size_t open = rest.rfind(" (discriminator ");
  if (open != kNowhere && rest.ends_with(')')) rest = trim(rest.substr(0, open));
}

// "libc.so.6", "linux-gate.so.1": where the function's name should stand, by tools that had none.
bool is_shared_object(std::string_view name) {
  if (name.find_first_of(" ()<>:,&*") != kNowhere) return false;
  return name.ends_with(".so") || name.find(".so.") != kNowhere;
}

bool is_unknown(std::string_view name) {
  static constexpr std::array<std::string_view, 9> kUnknown = {
      "??", "???", "<null>", "(unknown)", "<unknown>", "<unknown module>", "(<unknown module>)",
      "?",  "()"};
  return std::find(kUnknown.begin(), kUnknown.end(), name) != kUnknown.end();
}

}  // namespace

bool parse_source_place(std::string_view text, StackLine& line) {
  if (text == "<null>") return true;
  StackLine found;
  std::string_view path = text;
  uint32_t first = 0, second = 0;
  const bool has_line = take_trailing_number(path, first);
  if (has_line && take_trailing_number(path, second)) {
    found.line = second;
    found.column = first;
  } else {
    found.line = first;
  }
  const bool is_absolute = path.starts_with('/') || (path.size() > 2 && path[1] == ':');
  if (path.empty() || (!is_absolute && path.find_first_of("()<>{}'`\"=, ") != kNowhere))
    return false;
  if (path == "??") return has_line;
  const bool is_source = has_source_extension(path);
  if (!has_line && !is_source) {
    if (!is_absolute) return false;
    line.module = path;  // some tools print the module there
    return true;
  }
  if (path.ends_with(':') || (!is_source && path.find("::") != kNowhere)) return false;
  line.file = path;
  line.line = found.line;
  line.column = found.column;
  return true;
}

void take_build_id(std::string_view& rest, StackLine& line) {
  constexpr std::string_view kMark = "(BuildId: ";
  if (!rest.ends_with(')')) return;
  const size_t open = rest.rfind(kMark);
  if (open == kNowhere) return;
  const std::string_view id =
      rest.substr(open + kMark.size(), rest.size() - open - kMark.size() - 1);
  const bool is_hex = !id.empty() && id.find_first_not_of("0123456789abcdefABCDEF") == kNowhere;
  if (!is_hex) return;
  line.build_id = id;
  rest = trim(rest.substr(0, open));
}

std::string_view function_text(std::string_view text) {
  text = trim(text);
  if (const size_t plus = text.rfind('+'); plus != kNowhere && plus > 0) {
    const std::string_view offset = text.substr(plus + 1);
    if (hex_of(offset) || (!offset.empty() && number_of(offset) && is_digit(offset[0]))) {
      text = trim(text.substr(0, plus));
    }
  }
  return is_unknown(text) ? std::string_view() : text;
}

bool parse_named(std::string_view text, StackLine& line) {
  std::string_view rest = trim(text);
  take_build_id(rest, line);
  if (!take_module(rest, line)) take_bracketed_module(rest, line);
  drop_discriminator(rest);
  if (!take_gdb_place(rest, line)) take_place(rest, line);
  line.function = function_text(rest);
  if (line.module.empty() && is_shared_object(line.function))
    line.module = std::exchange(line.function, {});
  return true;
}

bool is_certain_frame(const StackLine& line) {
  if (!line.file.empty() || line.module_offset || !line.module.empty()) return true;
  return !line.function.empty() &&
         (line.function.find(' ') == kNowhere || line.function.ends_with(')'));
}

}  // namespace inquest::diagnosis
