#include "platform/term/style.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace inquest::term {

namespace {

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::optional<int> positive(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  int number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size() || number <= 0)
    return std::nullopt;
  return number;
}

bool wants_color(const Surroundings& surroundings) {
  if (surroundings.no_color && !surroundings.no_color->empty()) return false;
  const auto& force = surroundings.clicolor_force;
  if (force && !force->empty() && *force != "0") return true;
  return surroundings.is_terminal && surroundings.term.value_or("") != "dumb";
}

// SGR parameters (ECMA-48, 8.3.117).
std::string_view parameter(Style style) {
  switch (style) {
    case Style::kBold:
      return "1";
    case Style::kDim:
      return "2";
    case Style::kItalic:
      return "3";
    case Style::kUnderline:
      return "4";
    case Style::kRed:
      return "31";
    case Style::kGreen:
      return "32";
    case Style::kYellow:
      return "33";
    case Style::kBlue:
      return "34";
    case Style::kMagenta:
      return "35";
    case Style::kCyan:
      return "36";
  }
  return "0";
}

}  // namespace

Terminal detect(const Surroundings& surroundings) {
  Terminal terminal;
  terminal.interactive = surroundings.is_terminal;
  terminal.color = wants_color(surroundings);
  const std::optional<int> told = positive(surroundings.columns_variable);
  const int fallback = surroundings.is_terminal ? 80 : kPipeColumns;
  terminal.columns = std::max(kMinColumns, told.value_or(surroundings.columns.value_or(fallback)));
  return terminal;
}

Terminal detect(int fd) {
  Surroundings surroundings;
  surroundings.is_terminal = ::isatty(fd) == 1;
  struct winsize size = {};
  if (surroundings.is_terminal && ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    surroundings.columns = size.ws_col;
  }
  surroundings.no_color = variable("NO_COLOR");
  surroundings.clicolor_force = variable("CLICOLOR_FORCE");
  surroundings.term = variable("TERM");
  surroundings.columns_variable = variable("COLUMNS");
  return detect(surroundings);
}

std::string Painter::operator()(Style style, std::string_view text) const {
  if (!color_ || text.empty()) return std::string(text);
  std::string painted = "\x1b[";
  painted += parameter(style);
  painted += 'm';
  painted += text;
  painted += "\x1b[0m";
  return painted;
}

}  // namespace inquest::term
