#include "diagnosis/verdict/place.h"

#include "diagnosis/facts/tool_roles.h"

namespace inquest::diagnosis {
namespace {

BlamedPlace place_of(const FrameFact& frame, size_t index, const FunctionFact& function) {
  return {.function = function.short_name.empty() ? function.name : function.short_name,
          .file = function.file,
          .line = function.line,
          .column = function.column,
          .frame = index,
          .module = frame.module,
          .module_offset = frame.module_offset};
}

}  // namespace

std::optional<BlamedPlace> blamed_place(const Facts& facts) {
  const auto& frames = facts.crashing.frames;
  if (const auto& script = facts.user_runtime_frame; script && facts.abort.by_script)
    return BlamedPlace{.function = script->function,
                       .file = script->file,
                       .line = script->line,
                       .column = script->column,
                       .frame = facts.crash_frame,
                       .module = {},
                       .module_offset = 0};
  if (const auto open = facts.open_frame(); open && *open < frames.size()) {
    const FrameFact& frame = frames[*open];
    const size_t function = facts.open_function();
    if (function < frame.functions.size()) return place_of(frame, *open, frame.functions[function]);
  }
  // None is the program's own: the innermost that is more than the tool that watched.
  for (const bool tools_too : {false, true}) {
    for (size_t i = facts.crash_frame; i < frames.size(); ++i) {
      for (const FunctionFact& function : frames[i].functions) {
        if (function.name.empty() || function.role == CodeRole::kStart) continue;
        const bool tool = is_sanitizer_run_time(function.short_name, function.file);
        if (tools_too || !tool) return place_of(frames[i], i, function);
      }
    }
  }
  for (size_t i = facts.crash_frame; i < frames.size(); ++i) {
    if (!frames[i].module.empty()) return place_of(frames[i], i, {});
  }
  return std::nullopt;
}

}  // namespace inquest::diagnosis
