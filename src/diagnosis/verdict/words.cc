#include <fmt/format.h>

#include <string_view>

#include "diagnosis/verdict/rules.h"

namespace inquest::diagnosis {
namespace {

// The compiler worked the value out and left no variable: "0".
bool is_literal(const ExpressionFact& expression) {
  return !expression.text.empty() && expression.text.front() >= '0' &&
         expression.text.front() <= '9';
}

}  // namespace

std::string pointer_words(const OperandFacts& operand) {
  if (operand.expression && is_literal(*operand.expression)) {
    return fmt::format("a value that the compiler knew to be {}", operand.expression->text);
  }
  if (operand.expression) return fmt::format("`{}`", operand.expression->text);
  if (!operand.bad_register.empty()) return fmt::format("the pointer in {}", operand.bad_register);
  return "a pointer";
}

std::string access_words(const FaultFacts& fault) {
  std::string_view verb = "access";
  switch (fault.access) {
    case AccessKind::kRead:
      verb = "read";
      break;
    case AccessKind::kWrite:
      verb = "write";
      break;
    case AccessKind::kReadWrite:
      verb = "read and write";
      break;
    case AccessKind::kExecute:
      verb = "instruction fetch";
      break;
    case AccessKind::kNone:
      break;
  }
  std::string text = "the ";
  if (fault.operand && fault.operand->size != 0 && fault.access != AccessKind::kExecute) {
    text += fmt::format("{}-byte ", fault.operand->size);
  }
  text += verb;
  if (fault.address) text += fmt::format(" at {}", to_hex(*fault.address));
  return text;
}

std::string member_words(const OperandFacts& operand) {
  if (!operand.member || operand.member->member.empty()) return {};
  return fmt::format("member `{}` of `{}`", operand.member->member, operand.member->structure);
}

std::string expression_of(const FaultFacts& fault) {
  if (fault.pc_is_bad) {
    if (!fault.call_target_expression.empty()) return fault.call_target_expression;
    return {};
  }
  if (fault.operand && fault.operand->expression && !is_literal(*fault.operand->expression)) {
    return fault.operand->expression->text;
  }
  return {};
}

namespace {

// One word of a shell command: names come out of a core, and commands are copied.
std::string shell_word(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  const bool is_option = text.starts_with('-');
  if (!text.empty() && !is_option && text.find_first_not_of(kPlain) == std::string::npos) {
    return text;
  }
  std::string quoted = is_option ? "'./" : "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

}  // namespace

std::string executable_of(const Facts& facts) {
  return facts.process.executable.empty() ? "EXE" : shell_word(facts.process.executable);
}

std::string explain_command(const Facts& facts, std::string_view options) {
  const std::string& source = facts.process.source;
  const bool has_name = !source.empty() && source != "standard input";
  std::string command = "inquest explain " + (has_name ? shell_word(source) : "CORE");
  for (const std::string& word : facts.process.given) {
    command += " " + (word.starts_with("--") ? word : shell_word(word));
  }
  return fmt::format("{} {}", command, options);
}

}  // namespace inquest::diagnosis
