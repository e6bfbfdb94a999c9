#include "platform/term/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

#include "base/utf8.h"

namespace inquest::term {

namespace {

constexpr char kEscape = '\x1b';

struct CodeRange {
  char32_t first;
  char32_t last;
};

// The blocks that matter here, from Unicode 15: East_Asian_Width W and F, and default emoji
// presentation.
constexpr std::array kWide = {
    CodeRange{0x1100, 0x115f},   CodeRange{0x231a, 0x231b},   CodeRange{0x23e9, 0x23ec},
    CodeRange{0x26a1, 0x26a1},   CodeRange{0x2705, 0x2705},   CodeRange{0x274c, 0x274c},
    CodeRange{0x2e80, 0x303e},   CodeRange{0x3041, 0x33ff},   CodeRange{0x3400, 0x4dbf},
    CodeRange{0x4e00, 0x9fff},   CodeRange{0xa000, 0xa4cf},   CodeRange{0xac00, 0xd7a3},
    CodeRange{0xf900, 0xfaff},   CodeRange{0xfe30, 0xfe6f},   CodeRange{0xff00, 0xff60},
    CodeRange{0xffe0, 0xffe6},   CodeRange{0x1f300, 0x1f64f}, CodeRange{0x1f680, 0x1f6ff},
    CodeRange{0x1f900, 0x1f9ff}, CodeRange{0x20000, 0x3fffd}};

// Combining marks, zero-width characters and variation selectors.
constexpr std::array kZero = {
    CodeRange{0x0300, 0x036f}, CodeRange{0x0483, 0x0489}, CodeRange{0x0591, 0x05bd},
    CodeRange{0x064b, 0x065f}, CodeRange{0x0e47, 0x0e4e}, CodeRange{0x1ab0, 0x1aff},
    CodeRange{0x1dc0, 0x1dff}, CodeRange{0x200b, 0x200f}, CodeRange{0x2028, 0x202e},
    CodeRange{0x2060, 0x2069}, CodeRange{0x20d0, 0x20ff}, CodeRange{0xfe00, 0xfe0f},
    CodeRange{0xfe20, 0xfe2f}, CodeRange{0xfeff, 0xfeff}, CodeRange{0xe0000, 0xe0fff}};

template <size_t N>
bool contains(const std::array<CodeRange, N>& ranges, char32_t code) {
  const auto range = std::lower_bound(ranges.begin(), ranges.end(), code,
                                      [](const CodeRange& a, char32_t b) { return a.last < b; });
  return range != ranges.end() && range->first <= code;
}

bool is_control(char32_t code) { return code < 0x20 || (code >= 0x7f && code < 0xa0); }

// Characters that reorder or hide what stands around them (Unicode Technical Report 36,
// bidirectional spoofing).
bool is_deceptive(char32_t code) {
  return (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
         (code >= 0xe0000 && code <= 0xe0fff);
}

// The bytes of the escape sequence `text` starts with: ESC [ … final byte; 0 when it is none.
size_t escape_size(std::string_view text) {
  if (text.size() < 2 || text[0] != kEscape || text[1] != '[') return 0;
  for (size_t i = 2; i < text.size(); ++i) {
    if (text[i] >= 0x40 && text[i] <= 0x7e) return i + 1;
  }
  return text.size();
}

std::string spaces(int count) { return std::string(static_cast<size_t>(std::max(count, 0)), ' '); }

void wrap_paragraph(std::string_view text, int columns, int indent,
                    std::vector<std::string>& lines) {
  // Leading spaces are the paragraph's own indent.
  const size_t start = std::min(text.find_first_not_of(' '), text.size());
  std::string line(text.substr(0, start));
  text.remove_prefix(start);
  bool line_has_word = false;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(text.find_first_not_of(' ', end), text.size()));
    if (line_has_word && display_width(line) + 1 + display_width(word) > columns) {
      lines.push_back(std::move(line));
      line = spaces(indent);
      line_has_word = false;
    }
    if (line_has_word) line += ' ';
    line += word;
    line_has_word = true;
  }
  lines.push_back(std::move(line));
}

// The longest prefix of `text` that fits into `columns`.
std::string_view prefix_of_width(std::string_view text, int columns) {
  size_t size = 0;
  int width = 0;
  while (size < text.size()) {
    const Utf8Character character = decode_utf8(text.substr(size));
    width += character_width(character.code);
    if (width > columns) break;
    size += character.size;
  }
  return text.substr(0, size);
}

// The longest suffix that fits.
std::string_view suffix_of_width(std::string_view text, int columns) {
  int excess = display_width(text) - columns;
  while (excess > 0) {
    const Utf8Character character = decode_utf8(text);
    excess -= character_width(character.code);
    text.remove_prefix(character.size);
  }
  return text;
}

}  // namespace

int character_width(char32_t code) {
  if (is_control(code) || contains(kZero, code)) return 0;
  return contains(kWide, code) ? 2 : 1;
}

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    if (const size_t escape = escape_size(text); escape != 0) {
      text.remove_prefix(escape);
      continue;
    }
    const Utf8Character character = decode_utf8(text);
    width += character_width(character.code);
    text.remove_prefix(character.size);
  }
  return width;
}

std::string printable(std::string_view text, bool keep_lines) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Character character = decode_utf8(text);
    const char32_t code = character.code;
    if (!character.valid) {
      out += "\xef\xbf\xbd";
    } else if (code == U'\n') {
      out += keep_lines ? "\n" : "\\n";
    } else if (code == U'\t') {
      out += ' ';
    } else if (is_control(code)) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<uint32_t>(code));
    } else if (is_deceptive(code)) {
      fmt::format_to(std::back_inserter(out), "\\u{{{:04x}}}", static_cast<uint32_t>(code));
    } else {
      out += text.substr(0, character.size);
    }
    text.remove_prefix(character.size);
  }
  return out;
}

std::vector<std::string> wrap(std::string_view text, int columns, int indent) {
  std::vector<std::string> lines;
  while (true) {
    const size_t end = text.find('\n');
    wrap_paragraph(text.substr(0, end), columns, indent, lines);
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

std::string truncate(std::string_view text, int columns) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns <= 0) return "";
  return std::string(prefix_of_width(text, columns - 1)) + "…";
}

std::string truncate_middle(std::string_view text, int columns) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns <= 0) return "";
  const int front = (columns - 1) / 2;
  const int back = columns - 1 - front;
  return std::string(prefix_of_width(text, front)) + "…" + std::string(suffix_of_width(text, back));
}

std::string pad_right(std::string_view text, int columns) {
  return std::string(text) + spaces(columns - display_width(text));
}

std::string pad_left(std::string_view text, int columns) {
  return spaces(columns - display_width(text)) + std::string(text);
}

}  // namespace inquest::term
