#include "diagnosis/facts/user_place.h"

#include <algorithm>
#include <string_view>

#include "diagnosis/facts/roles.h"
#include "process/unwind/frame.h"

namespace inquest::diagnosis {
namespace {

bool is_guess(const FrameFact& frame) {
  return frame.found_by == to_string(process::FoundBy::kScan);
}

std::optional<UserPlace> find_user_place(const StackFacts& stack, size_t from, bool guesses_too) {
  for (size_t i = from; i < stack.frames.size(); ++i) {
    if (!guesses_too && is_guess(stack.frames[i])) continue;
    const auto& functions = stack.frames[i].functions;
    for (size_t f = 0; f < functions.size(); ++f) {
      if (functions[f].role == CodeRole::kUser) return UserPlace{i, f};
    }
  }
  return std::nullopt;
}

bool is_all_abort(const FrameFact& frame) {
  return std::all_of(
      frame.functions.begin(), frame.functions.end(),
      [](const FunctionFact& function) { return function.role == CodeRole::kAbort; });
}

// Stripped libraries have no names for the functions around raise(), and between __cxa_throw and
// abort().
bool is_unnamed_run_time(const FrameFact& frame) {
  return frame.functions.back().short_name.empty() &&
         (is_cxx_runtime(frame.module) || is_c_library(frame.module));
}

}  // namespace

std::optional<UserPlace> find_user_place(const StackFacts& stack, size_t from) {
  auto place = find_user_place(stack, from, false);
  return place ? place : find_user_place(stack, from, true);
}

size_t first_frame_below_abort(const StackFacts& stack, size_t from) {
  size_t last = from;  // behind the outermost frame of the machinery
  for (size_t i = from; i < stack.frames.size(); ++i) {
    if (is_all_abort(stack.frames[i])) {
      last = i + 1;
    } else if (!is_unnamed_run_time(stack.frames[i])) {
      break;
    }
  }
  if (last == from) return from;
  while (last < stack.frames.size() && is_unnamed_run_time(stack.frames[last])) ++last;
  return last < stack.frames.size() ? last : from;
}

}  // namespace inquest::diagnosis
