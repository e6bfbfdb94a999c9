#include "diagnosis/verdict/checker_words.h"

#include <fmt/format.h>

namespace inquest::diagnosis {
namespace {

std::string function_words(const FunctionFact& function) {
  std::string text = function.short_name.empty() ? "" : function.short_name + "()";
  if (!function.file.empty() && function.line != 0) {
    text += fmt::format("{}{}:{}", text.empty() ? "" : " at ", function.file, function.line);
  }
  return text;
}

const char* verb_of(AccessKind access) {
  switch (access) {
    case AccessKind::kRead:
      return "read";
    case AccessKind::kWrite:
      return "write";
    case AccessKind::kReadWrite:
      return "read and write";
    case AccessKind::kExecute:
      return "jump";
    case AccessKind::kNone:
      break;
  }
  return "access";
}

}  // namespace

std::string place_words(const StackFacts& stack) {
  for (const FrameFact& frame : stack.frames) {
    for (const FunctionFact& function : frame.functions) {
      if (function.role != CodeRole::kUser) continue;
      if (std::string text = function_words(function); !text.empty()) return text;
      if (!frame.module.empty() && frame.module_offset != 0) {
        return fmt::format("{}+{}", frame.module.substr(frame.module.rfind('/') + 1),
                           to_hex(frame.module_offset));
      }
    }
  }
  return {};
}

std::string access_words(const ReportedFacts& reported) {
  std::string text = "the ";
  if (reported.size != 0) text += fmt::format("{}-byte ", reported.size);
  text += verb_of(reported.access);
  if (reported.address) text += fmt::format(" at {}", to_hex(*reported.address));
  return text;
}

const AllocationFact* reported_allocation(const Facts& facts) {
  if (!facts.reported || !facts.heap || facts.heap->allocations.empty()) return nullptr;
  return &facts.heap->allocations.front();
}

std::string allocation_words(const AllocationFact& allocation) {
  std::string text = allocation.statement;
  const auto add = [&](const char* verb, const std::optional<StackFacts>& stack) {
    if (!stack) return;
    const std::string where = place_words(*stack);
    if (where.empty()) return;
    if (text.ends_with(verb)) {
      text += " in " + where;
      return;
    }
    text += fmt::format("{}{} in {}", text.empty() ? "" : ", ", verb, where);
  };
  add("freed", allocation.freed);
  add("allocated", allocation.allocated);
  return text;
}

std::string symbolise_command(const Facts& facts) {
  const auto open = facts.open_frame();
  if (!open || *open >= facts.crashing.frames.size()) return {};
  const FrameFact& frame = facts.crashing.frames[*open];
  const FunctionFact& function = frame.functions[facts.open_function()];
  if (!function.file.empty() || frame.module.empty() || frame.module_offset == 0) return {};
  const bool plain = frame.module.find_first_of(" '\"\\$`;&|<>()*?!~#\n") == std::string::npos &&
                     !frame.module.starts_with('-');
  if (!plain) return {};
  return fmt::format("addr2line -Cfie {} {}", frame.module, to_hex(frame.module_offset));
}

}  // namespace inquest::diagnosis
