#include "binary/demangle/brackets.h"

#include <array>
#include <cstddef>
#include <utility>

namespace inquest::demangle {
namespace {

bool is_identifier_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

// The length of "operator<<" and its like at `at`; 0 when there is none. Conversion operators count
// as none: what follows them is a type like any other.
size_t operator_name_size(std::string_view name, size_t at) {
  constexpr std::string_view kWord = "operator";
  if (name.substr(at, kWord.size()) != kWord) return 0;
  if (at > 0 && is_identifier_char(name[at - 1])) return 0;
  constexpr std::array<std::string_view, 13> kSymbols = {
      "<<=", ">>=", "<=>", "->*", "<<", ">>", "<=", ">=", "->", "()", "[]", "<", ">"};
  const std::string_view rest = name.substr(at + kWord.size());
  for (std::string_view symbol : kSymbols) {
    if (rest.starts_with(symbol)) return kWord.size() + symbol.size();
  }
  return 0;
}

char opener_of(char closer) {
  switch (closer) {
    case ')':
      return '(';
    case ']':
      return '[';
    default:
      return '{';
  }
}

class Scanner {
 public:
  explicit Scanner(std::string_view name) : name_(name), partner_(name.size(), kNotABracket) {}

  std::vector<int32_t> run() && {
    size_t at = 0;
    while (at < name_.size()) {
      const size_t skipped = operator_name_size(name_, at);
      if (skipped != 0) {
        at += skipped;
        // "operator<< <int>"
        if (at < name_.size() && name_[at] == ' ') ++at;
        if (at < name_.size() && name_[at] == '<') open(at++);
        continue;
      }
      step(at++);
    }
    return std::move(partner_);
  }

 private:
  void step(size_t at) {
    switch (name_[at]) {
      case '<':
        // A comparison in an expression stands after its operand in parentheses.
        if (at == 0 || name_[at - 1] != ')') open(at);
        return;
      case '>':
        close_template(at);
        return;
      case '(':
      case '[':
      case '{':
        open(at);
        return;
      case ')':
      case ']':
      case '}':
        close(at);
        return;
      default:
        return;
    }
  }

  void open(size_t at) { open_.push_back(at); }

  void close_template(size_t at) {
    if (at > 0 && name_[at - 1] == '-') return;  // "->"
    if (open_.empty() || name_[open_.back()] != '<') return;
    partner_[at] = static_cast<int32_t>(open_.back());
    partner_[open_.back()] = static_cast<int32_t>(at);
    open_.pop_back();
  }

  // A '<' still open inside the parentheses that end here was a comparison.
  void close(size_t at) {
    const char opener = opener_of(name_[at]);
    while (!open_.empty() && name_[open_.back()] == '<') open_.pop_back();
    if (!open_.empty() && name_[open_.back()] == opener) open_.pop_back();
  }

  std::string_view name_;
  std::vector<int32_t> partner_;
  std::vector<size_t> open_;
};

}  // namespace

std::vector<int32_t> template_brackets(std::string_view name) { return Scanner(name).run(); }

}  // namespace inquest::demangle
