#include <algorithm>
#include <string>

#include "binary/demangle/demangle.h"
#include "binary/demangle/names.h"
#include "diagnosis/text/stack_lines.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxFrames = 1024;  // kept; more are only counted
constexpr size_t kMaxForeign = 2;    // lines of others between two frames
constexpr size_t kMaxPeriod = 16;    // frames of one round of a recursion
constexpr size_t kMinRounds = 3;     // that make a recursion
constexpr size_t kMaxName = 4096;    // bytes of a function's name that are kept

bool is_mangled(std::string_view name) {
  return name.starts_with("_Z") || name.starts_with("__Z") || name.starts_with("_R");
}

FunctionFact function_of(const StackLine& line) {
  FunctionFact fact;
  std::string name(line.function.substr(0, kMaxName));
  if (is_mangled(name)) {
    name = demangle::demangle(name, demangle::Suffix::kStrip);
  } else if (name.find('.') != std::string::npos &&
             name.find_first_of("(<: ") == std::string::npos) {
    name = demangle::split_suffix(name).name;
  }
  if (name.find("std::") != std::string::npos) name = demangle::simplify_cxx(name);
  fact.short_name = demangle::name_of_demangled(name);
  fact.name = std::move(name);
  fact.file = line.file;
  fact.line = line.line;
  fact.column = line.column;
  return fact;
}

// The same place in the code as the frame before, one level further out.
bool is_inline_caller(const StackLine& line, const FunctionFact& function, const FrameFact& frame) {
  const bool same_pc = line.pc && !frame.pc.is_null() && *line.pc == frame.pc;
  const bool same_offset = !line.pc && frame.pc.is_null() && line.module_offset &&
                           *line.module_offset == frame.module_offset &&
                           line.module == frame.module;
  if ((!same_pc && !same_offset) || function.name.empty()) return false;
  // Seen before with this pc: the same function again is recursion, not inlining.
  return std::none_of(frame.functions.begin(), frame.functions.end(), [&](const FunctionFact& f) {
    return f.name.empty() || (f.name == function.name && f.line == function.line);
  });
}

bool same_place(const FrameFact& a, const FrameFact& b) {
  if (!a.pc.is_null() || !b.pc.is_null()) return a.pc == b.pc;
  return a.module_offset == b.module_offset && a.functions.back().name == b.functions.back().name &&
         a.functions.back().line == b.functions.back().line;
}

// Rounds of `period` frames from `first` on.
size_t rounds_at(const std::vector<FrameFact>& frames, size_t first, size_t period) {
  size_t i = first + period;
  while (i < frames.size() && same_place(frames[i], frames[i - period])) ++i;
  return (i - first) / period;
}

// Some symbolisers count one back for a frame that they could not name ("#7", "#6", "#8").
bool counts_on(const ReportLines& lines, size_t i, const StackLine& line, uint32_t last) {
  if (!line.number || *line.number + 1 != last || i + 1 >= lines.size()) return false;
  const auto next = parse_stack_line(lines[i + 1]);
  return next && next->number && *next->number == last + 1;
}

// The same number twice is an inlined function's when the pc is the same, too.
bool has_pc(const StackFacts& stack, Address pc) {
  return !stack.frames.empty() && stack.frames.back().pc == pc;
}

}  // namespace

void fold_cycle(StackFacts& stack) {
  auto& frames = stack.frames;
  constexpr size_t kLastStart = 64;  // a recursion that ran out of stack begins near the top
  for (size_t first = 0; first < std::min(frames.size(), kLastStart); ++first) {
    for (size_t period = 1; period <= kMaxPeriod; ++period) {
      const size_t rounds = rounds_at(frames, first, period);
      if (rounds < kMinRounds) continue;
      CycleFact cycle{.first = first, .period = period, .count = rounds, .functions = {}};
      for (size_t i = first + period; i > first; --i) {
        const auto& functions = frames[i - 1].functions;
        for (auto f = functions.rbegin(); f != functions.rend(); ++f) {
          cycle.functions.push_back(f->short_name.empty() ? to_hex(frames[i - 1].pc)
                                                          : f->short_name);
        }
      }
      const auto begin = frames.begin() + static_cast<std::ptrdiff_t>(first + period);
      frames.erase(begin, begin + static_cast<std::ptrdiff_t>(period * (rounds - 1)));
      stack.cycle = std::move(cycle);
      return;
    }
  }
}

void append_frame(const StackLine& line, StackFacts& stack) {
  FunctionFact function = function_of(line);
  if (!stack.frames.empty() && is_inline_caller(line, function, stack.frames.back())) {
    stack.frames.back().functions.back().is_inlined = true;
    stack.frames.back().functions.push_back(std::move(function));
    return;
  }
  ++stack.total_frames;
  if (stack.frames.size() >= kMaxFrames) return;
  FrameFact& frame = stack.frames.emplace_back();
  frame.index = stack.total_frames - 1;
  frame.pc = line.pc.value_or(Address());
  frame.module = line.module;
  frame.module_offset = line.module_offset.value_or(0);
  frame.build_id = line.build_id;
  frame.found_by = "text";
  frame.trust = "high";
  frame.functions.push_back(std::move(function));
}

size_t read_stack(const ReportLines& lines, StackFacts& stack) {
  size_t taken = 0, foreign = 0;
  std::optional<uint32_t> last;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string_view text = lines[i];
    const auto line = parse_stack_line(text);
    const bool follows =
        line && (!last || !line->number || *line->number > *last ||
                 (*line->number == *last && line->pc && has_pc(stack, *line->pc)) ||
                 counts_on(lines, i, *line, *last));
    if (line && !follows) break;
    if (!line) {
      if (taken == 0 || text.empty() || ++foreign > kMaxForeign) break;
      continue;
    }
    // After foreign lines, only the very next number shows that this is still the same stack.
    if (foreign != 0 && (!line->number || !last || *line->number != *last + 1)) break;
    foreign = 0;
    append_frame(*line, stack);
    last = last && line->number ? std::max(*last, *line->number) : line->number;
    taken = i + 1;
  }
  if (stack.total_frames > stack.frames.size()) stack.end = "frame-limit";
  fold_cycle(stack);
  return taken;
}

}  // namespace inquest::diagnosis
