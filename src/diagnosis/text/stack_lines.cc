#include "diagnosis/text/stack_lines.h"

#include <algorithm>
#include <array>

#include "diagnosis/text/stack_line_parts.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

// "#00 pc 0003a1b0  /system/lib/libc.so (tgkill+12) (BuildId: ab12)"
bool parse_android(Words words, StackLine& line) {
  words.skip_blanks();
  std::string_view digits = words.take_word();
  if (digits.starts_with("0x")) digits.remove_prefix(2);
  Words hex(digits);
  const auto offset = hex.take_bare_hex();
  if (!offset || !hex.at_end()) return false;
  line.module_offset = offset;
  std::string_view rest = trim(words.rest());
  take_build_id(rest, line);
  if (rest.ends_with(')')) {
    const size_t open = rest.rfind(" (");
    if (open != std::string_view::npos) {
      line.function = function_text(rest.substr(open + 2, rest.size() - open - 3));
      rest = trim(rest.substr(0, open));
    }
  }
  line.module = rest;
  return !rest.empty() && rest.find(' ') == std::string_view::npos;
}

// A pc without "0x": eight digits or more, and nothing else.
std::optional<uint64_t> take_plain_pc(Words& words) {
  Words probe = words;
  const std::string_view word = probe.take_word();
  if (word.size() < 8 || word.size() > 16) return std::nullopt;
  Words digits(word);
  const auto value = digits.take_bare_hex();
  if (!value || !digits.at_end()) return std::nullopt;
  words = probe;
  return value;
}

// Behind '#': "0 0x4f2 in f …"
bool parse_numbered(Words words, StackLine& line) {
  const auto number = words.take_number();
  if (!number || *number > kMaxFrameNumber) return false;
  line.number = static_cast<uint32_t>(*number);
  if (words.take(".")) words.take_number();  // Fuchsia's "#1.1": inlined
  if (!words.rest().starts_with(' ') && !words.rest().starts_with('\t')) return words.at_end();
  words.skip_blanks();
  if (words.take("pc ")) return parse_android(words, line);
  auto pc = words.take_hex();
  if (!pc) pc = take_plain_pc(words);
  if (!pc) return parse_named(words.rest(), line) && is_certain_frame(line);
  line.pc = Address(*pc);
  words.take(":");
  words.skip_blanks();
  words.take("in ");
  return parse_named(words.rest(), line);
}

// Behind '@': "0x4f2 f()", "0x4f2  224 f()" (frame size), "0x4f2 (unknown) f()"
bool parse_glog(Words words, StackLine& line) {
  words.skip_blanks();
  const auto pc = words.take_hex();
  if (!pc) return false;
  line.pc = Address(*pc);
  words.skip_blanks();
  Words probe = words;
  const bool has_size = probe.take("(unknown)") || probe.take_number().has_value();
  if (has_size && (probe.at_end() || probe.rest().starts_with(' '))) {
    words = probe;
    words.skip_blanks();
  }
  return parse_named(words.rest(), line);
}

// Behind "at " or "by ": "0x4f2: f(int) (a.cc:3)"
bool parse_valgrind(Words words, StackLine& line) {
  const auto pc = words.take_hex();
  if (!pc || !words.take(": ")) return false;
  line.pc = Address(*pc);
  std::string_view rest = trim(words.rest());
  const size_t open = rest.rfind(" (");
  if (rest.ends_with(')') && open != std::string_view::npos) {
    const std::string_view inside = rest.substr(open + 2, rest.size() - open - 3);
    if (inside.starts_with("in ")) {
      line.module = trim(inside.substr(3));
    } else if (!parse_source_place(inside, line) && inside != "below main") {
      line.function = function_text(rest);
      return true;
    }
    rest = rest.substr(0, open);
  }
  line.function = function_text(rest);
  return true;
}

// "/bin/app(_Z1fi+0x12) [0x4f2]", "/bin/app(+0x12)[0x4f2]", "/lib/libc.so.6[0x4f2]"
bool parse_backtrace_symbol(std::string_view text, StackLine& line) {
  const size_t open = text.rfind('[');
  if (open == std::string_view::npos || open == 0 || !text.ends_with(']')) return false;
  const auto pc = hex_of(text.substr(open + 1, text.size() - open - 2));
  if (!pc) return false;
  std::string_view place = trim(text.substr(0, open));
  if (place.find('/') == std::string_view::npos && place.find("::") != std::string_view::npos &&
      place.ends_with(')')) {  // "base::Run() [0x4f2]"
    line.pc = Address(*pc);
    line.function = function_text(place);
    return true;
  }
  std::string_view inside;
  if (place.ends_with(')')) {
    const size_t paren = place.find('(');
    inside = place.substr(paren + 1, place.size() - paren - 2);
    place = place.substr(0, paren);
  }
  if (place.empty() || place.find(' ') != std::string_view::npos) return false;
  const bool is_path =
      place.find('/') != std::string_view::npos || place.find(".so") != std::string_view::npos;
  if (!is_path && inside.empty()) return false;
  line.pc = Address(*pc);
  line.module = place;
  if (inside.starts_with("+")) {
    line.module_offset = hex_of(inside.substr(1));
  } else {
    line.function = function_text(inside);
  }
  return true;
}

// Behind the number of "1   0x7f16 WTFReportBacktrace(int)"
bool parse_webkit(Words words, StackLine& line) {
  if (!words.rest().starts_with(' ')) return false;
  words.skip_blanks();
  const auto pc = words.take_hex();
  if (!pc || !words.rest().starts_with(' ')) return false;
  line.pc = Address(*pc);
  return parse_named(words.rest(), line) && !line.function.empty();
}

// Behind the digits of " 0# f(int) at a.cc:3"
bool parse_boost(Words words, StackLine& line) {
  const auto number = words.take_number();
  if (!number || *number > kMaxFrameNumber) return false;
  line.number = static_cast<uint32_t>(*number);
  if (!words.take("#")) return parse_webkit(words, line);
  words.skip_blanks();
  if (const auto pc = words.take_hex()) line.pc = Address(*pc);
  std::string_view rest = trim(words.rest());
  const size_t in = rest.rfind(" in ");
  if (rest.starts_with("in ")) {
    line.module = trim(rest.substr(3));
    return true;
  }
  if (in != std::string_view::npos && rest.rfind(" at ") == std::string_view::npos) {
    line.module = trim(rest.substr(in + 4));
    rest = trim(rest.substr(0, in));
  }
  if (!parse_named(rest, line)) return false;
  return line.pc || !line.file.empty() || !line.module.empty();
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool parse_any(std::string_view text, StackLine& line) {
  switch (text.front()) {
    case '#':
      return parse_numbered(Words(text.substr(1)), line);
    case '@':
      return parse_glog(Words(text.substr(1)), line);
    case 'a':
    case 'b':
      if (text.starts_with("at 0x") || text.starts_with("by 0x")) {
        return parse_valgrind(Words(text.substr(3)), line);
      }
      break;
    default:
      if (is_digit(text.front())) return parse_boost(Words(text), line);
  }
  return parse_backtrace_symbol(text, line);
}

}  // namespace

std::optional<StackLine> parse_stack_line(std::string_view text) {
  text = trim(text);
  if (text.empty()) return std::nullopt;
  StackLine line;
  if (!parse_any(text, line)) return std::nullopt;
  return line;
}

}  // namespace inquest::diagnosis
