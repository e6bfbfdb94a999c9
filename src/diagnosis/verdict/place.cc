#include "diagnosis/verdict/place.h"

#include "diagnosis/facts/roles.h"
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
  if (facts.user_frame && *facts.user_frame < frames.size()) {
    const FrameFact& frame = frames[*facts.user_frame];
    const size_t function = facts.user_function.value_or(0);
    if (function < frame.functions.size()) {
      return place_of(frame, *facts.user_frame, frame.functions[function]);
    }
  }
  // None is the program's own: the innermost that is more than the tool that watched. What a
  // program in another language called tells more than the C library below it.
  const bool is_under_runtime = facts.user_runtime_frame.has_value();
  for (const bool all : {false, true}) {
    for (size_t i = facts.crash_frame; i < frames.size(); ++i) {
      for (const FunctionFact& function : frames[i].functions) {
        if (function.name.empty() || function.role == CodeRole::kStart) continue;
        const bool says_little = is_sanitizer_run_time(function.short_name, function.file) ||
                                 (is_under_runtime && is_c_library(frames[i].module));
        if (all || !says_little) return place_of(frames[i], i, function);
      }
    }
  }
  for (size_t i = facts.crash_frame; i < frames.size(); ++i) {
    if (!frames[i].module.empty()) return place_of(frames[i], i, {});
  }
  return std::nullopt;
}

}  // namespace inquest::diagnosis
