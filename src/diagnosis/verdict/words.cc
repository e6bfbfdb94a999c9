#include <fmt/format.h>

#include "diagnosis/verdict/rules.h"

namespace inquest::diagnosis {

std::string pointer_words(const OperandFacts& operand) {
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
  if (fault.operand && fault.operand->expression) return fault.operand->expression->text;
  return {};
}

std::string executable_of(const Facts& facts) {
  return facts.process.executable.empty() ? "EXE" : facts.process.executable;
}

std::string explain_command(const Facts& facts, std::string_view options) {
  const std::string source = facts.process.source.empty() ? "CORE" : facts.process.source;
  return fmt::format("inquest explain {} {}", source, options);
}

}  // namespace inquest::diagnosis
