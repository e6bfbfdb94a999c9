#include <algorithm>
#include <vector>

#include "binary/demangle/brackets.h"
#include "binary/demangle/names.h"

namespace inquest::demangle {
namespace {

constexpr auto kNowhere = std::string_view::npos;

// What stands outside every bracket of a demangled function.
struct Outline {
  size_t parameters = kNowhere;  // the last group of parentheses that can be a parameter list
  size_t after = kNowhere;       // where that group ends
  std::vector<size_t> spaces;    // in front of `parameters`
  size_t operator_word = kNowhere;
};

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

constexpr std::string_view kOperator = "operator";

// "operator" as a word that begins at `at`.
bool begins_operator(std::string_view text, size_t at) {
  if (text.substr(at, kOperator.size()) != kOperator) return false;
  const size_t end = at + kOperator.size();
  return (at == 0 || !is_word_char(text[at - 1])) &&
         (end >= text.size() || !is_word_char(text[end]));
}

// It ends right before `at`.
bool follows_operator(std::string_view text, size_t at) {
  return at >= kOperator.size() && begins_operator(text, at - kOperator.size());
}

Outline outline_of(std::string_view text) {
  Outline outline;
  const std::vector<int32_t> brackets = template_brackets(text);
  size_t depth = 0, group = kNowhere;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool angle = brackets[i] != kNotABracket;
    const bool opens = c == '(' || c == '[' || c == '{' || (c == '<' && angle);
    const bool closes = c == ')' || c == ']' || c == '}' || (c == '>' && angle);
    if (opens) {
      if (depth++ == 0 && c == '(') group = i;
    } else if (closes && depth > 0) {
      --depth;
      if (depth == 0 && c == ')' && group != kNowhere) {
        const bool is_operator = follows_operator(text, group) && i == group + 1;
        if (!is_operator && text.substr(i + 1, 2) != "::") {
          outline.parameters = group;
          outline.after = i + 1;
        }
        group = kNowhere;
      }
    } else if (depth == 0 && c == ' ') {
      outline.spaces.push_back(i);
    } else if (depth == 0 && c == 'o' && outline.operator_word == kNowhere &&
               begins_operator(text, i)) {
      outline.operator_word = i;
    }
  }
  return outline;
}

}  // namespace

std::string_view name_of_demangled(std::string_view demangled) {
  // Objective-C, and what no demangler wrote.
  if (demangled.starts_with("-[") || demangled.starts_with("+[")) return demangled;
  const Outline outline = outline_of(demangled);
  std::string_view name = demangled;
  if (outline.parameters != kNowhere && outline.parameters > 0) {
    name = demangled.substr(0, outline.parameters);
  }
  // "operator new", "operator unsigned long": blanks from there on belong to the name.
  const size_t limit = std::min(name.size(), outline.operator_word);
  size_t start = 0;
  for (const size_t space : outline.spaces) {
    if (space >= limit) break;
    // "f() [clone .cold]", "f() const"
    if (outline.parameters == kNowhere && demangled.substr(space, 2) == " [") {
      return demangled.substr(start, space - start);
    }
    start = space + 1;
  }
  name.remove_prefix(std::min(start, name.size()));
  while (name.starts_with("*") || name.starts_with("&")) name.remove_prefix(1);
  while (name.ends_with(" ")) name.remove_suffix(1);
  return name.empty() ? demangled : name;
}

}  // namespace inquest::demangle
