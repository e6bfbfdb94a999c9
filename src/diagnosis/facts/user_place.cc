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

// What is inlined into the machinery is a part of it.
bool is_abort(const FrameFact& frame) { return frame.functions.back().role == CodeRole::kAbort; }

// Stripped libraries have no names for the functions around raise(), and between __cxa_throw and
// abort().
bool is_unnamed_run_time(const FrameFact& frame) {
  return frame.functions.back().short_name.empty() &&
         (is_cxx_runtime(frame.module) || is_c_library(frame.module));
}

constexpr size_t kMaxBetween = 4;

// Templates, and lambdas that stand in the same file as the machinery above them: a logger's
// clean-up that runs on the way to abort().
bool may_lie_between(const StackFacts& stack, size_t i) {
  const FrameFact& frame = stack.frames[i];
  return std::all_of(frame.functions.begin(), frame.functions.end(),
                     [&](const FunctionFact& function) {
                       if (function.role == CodeRole::kAbort) return true;
                       // What the language itself runs stands below user code, too.
                       if (function.role == CodeRole::kLanguage)
                         return !function.short_name.empty();
                       const std::string& name = function.short_name;
                       const bool lambda = name == "operator()" || name.ends_with("::operator()");
                       if (!lambda || function.file.empty() || i == 0) return false;
                       const FunctionFact& above = stack.frames[i - 1].functions.back();
                       return above.role == CodeRole::kAbort && above.file == function.file;
                     });
}

}  // namespace

std::optional<UserPlace> find_user_place(const StackFacts& stack, size_t from) {
  for (const bool guesses_too : {false, true}) {
    if (const auto place = find_user_place(stack, from, guesses_too)) return place;
  }
  return std::nullopt;
}

// The run time is not the program's own, but what its code called tells more than the C library
// below.
std::optional<UserPlace> find_run_time_place(const StackFacts& stack, size_t from) {
  for (size_t i = from; i < stack.frames.size(); ++i) {
    const FrameFact& frame = stack.frames[i];
    if (is_guess(frame) || frame.run_time.empty()) continue;
    for (size_t f = 0; f < frame.functions.size(); ++f) {
      if (frame.functions[f].role == CodeRole::kLibrary) return UserPlace{i, f};
    }
  }
  return std::nullopt;
}

void set_places(size_t from, Facts& facts) {
  if (const auto place = find_user_place(facts.crashing, from)) {
    facts.user_frame = place->frame;
    facts.user_function = place->function;
  } else if (const auto run_time = find_run_time_place(facts.crashing, from)) {
    facts.run_time_frame = run_time->frame;
    facts.run_time_function = run_time->function;
  }
}

size_t first_frame_below_abort(const StackFacts& stack, size_t from) {
  size_t last = from;  // behind the outermost frame of the machinery
  size_t between = 0;  // frames since then that may belong to it
  for (size_t i = from; i < stack.frames.size(); ++i) {
    if (is_abort(stack.frames[i])) {
      last = i + 1;
      between = 0;
    } else if (last > from && may_lie_between(stack, i)) {
      if (++between > kMaxBetween) break;
    } else if (!is_unnamed_run_time(stack.frames[i])) {
      break;
    }
  }
  if (last == from) return from;
  while (last < stack.frames.size() && is_unnamed_run_time(stack.frames[last])) ++last;
  return last < stack.frames.size() ? last : from;
}

}  // namespace inquest::diagnosis
