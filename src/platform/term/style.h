// Styles, and whether a stream gets any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace inquest::term {

struct Terminal {
  bool interactive = false;  // a person looks at it
  bool color = false;
  int columns = 80;
};

// What detection depends on, so that tests can state it.
struct Surroundings {
  bool is_terminal = false;
  std::optional<int> columns;  // as the terminal itself says
  std::optional<std::string> no_color;
  std::optional<std::string> clicolor_force;
  std::optional<std::string> term;
  std::optional<std::string> columns_variable;
};

// NO_COLOR (https://no-color.org: present and not empty) beats CLICOLOR_FORCE (not "0"), which
// beats the kind of stream; TERM=dumb has no colour. Columns are at least kMinColumns; pipes and
// files get 100.
inline constexpr int kMinColumns = 40;
inline constexpr int kPipeColumns = 100;
Terminal detect(const Surroundings& surroundings);
Terminal detect(int fd);

enum class Style {
  kBold,
  kDim,
  kItalic,
  kUnderline,
  kRed,
  kGreen,
  kYellow,
  kBlue,
  kMagenta,
  kCyan
};

// Paints text, or hands it back as it is when colour is off.
class Painter {
 public:
  explicit Painter(bool color) : color_(color) {}

  bool color() const { return color_; }
  std::string operator()(Style style, std::string_view text) const;
  std::string bold(std::string_view text) const { return (*this)(Style::kBold, text); }
  std::string dim(std::string_view text) const { return (*this)(Style::kDim, text); }
  std::string red(std::string_view text) const { return (*this)(Style::kRed, text); }
  std::string green(std::string_view text) const { return (*this)(Style::kGreen, text); }
  std::string yellow(std::string_view text) const { return (*this)(Style::kYellow, text); }
  std::string cyan(std::string_view text) const { return (*this)(Style::kCyan, text); }

 private:
  bool color_;
};

}  // namespace inquest::term
