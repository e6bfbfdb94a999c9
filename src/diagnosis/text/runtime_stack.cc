#include "diagnosis/text/runtime_stack.h"

#include <algorithm>

#include "base/utf8.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/stack_lines.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxFrames = 1024;
constexpr size_t kMaxName = 1024;  // bytes of a name or path that are kept
constexpr size_t kMaxExcerpt = 40, kMaxExcerptLine = 400;

void cap(std::string& text, size_t limit) {
  if (text.size() > limit) text.resize(limit);
}

FunctionFact function_of(RuntimeFrame& frame) {
  FunctionFact function;
  cap(frame.function, kMaxName);
  cap(frame.short_name, kMaxName);
  cap(frame.file, kMaxName);
  function.short_name = frame.short_name.empty() ? frame.function : std::move(frame.short_name);
  function.name = std::move(frame.function);
  function.file = std::move(frame.file);
  function.line = frame.line;
  function.column = frame.column;
  function.role = frame.role;
  return function;
}

// At the pc of the frame before, but another function: its caller by inlining. The same function
// again is recursion.
bool is_inline_caller(const RuntimeFrame& frame, const StackFacts& stack) {
  if (stack.frames.empty() || frame.pc.is_null() || stack.frames.back().pc != frame.pc)
    return false;
  const auto& functions = stack.frames.back().functions;
  return std::none_of(functions.begin(), functions.end(), [&](const FunctionFact& f) {
    return f.name.empty() || (f.name == frame.function && f.line == frame.line);
  });
}

}  // namespace

void append_runtime_frame(RuntimeFrame frame, StackFacts& stack) {
  if (is_inline_caller(frame, stack)) {
    FunctionFact& inlined = stack.frames.back().functions.back();
    inlined.is_inlined = true;
    stack.frames.back().functions.push_back(function_of(frame));
    return;
  }
  ++stack.total_frames;
  if (stack.frames.size() >= kMaxFrames) {
    stack.end = "frame-limit";
    return;
  }
  FrameFact& fact = stack.frames.emplace_back();
  fact.index = stack.total_frames - 1;
  fact.pc = frame.pc;
  fact.module = std::move(frame.module);
  fact.found_by = "text";
  fact.trust = "high";
  fact.functions.push_back(function_of(frame));
}

bool parse_runtime_place(std::string_view text, RuntimeFrame& frame) {
  uint32_t numbers[2] = {0, 0};  // line and column, from the right
  size_t count = 0;
  while (count < 2) {
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) break;
    const auto number = number_of(text.substr(colon + 1));
    if (!number || *number > UINT32_MAX) break;
    numbers[count++] = static_cast<uint32_t>(*number);
    text = text.substr(0, colon);
  }
  if (count == 0 || text.empty()) return false;
  frame.file = text;
  frame.line = numbers[count - 1];
  frame.column = count == 2 ? numbers[0] : 0;
  return true;
}

void add_excerpt(TextLines lines, size_t count, ReportedFacts& reported) {
  for (const TextLine& line : lines.first(std::min(count, lines.size()))) {
    if (reported.excerpt.size() >= kMaxExcerpt) return;
    if (reported.excerpt.empty() && trim(line.text).empty()) continue;
    reported.excerpt.emplace_back(line.text.substr(0, kMaxExcerptLine));
  }
  while (!reported.excerpt.empty() && trim(reported.excerpt.back()).empty())
    reported.excerpt.pop_back();
}

size_t finish_report(TextLines lines, size_t count, std::string_view format, TextReport& report) {
  report.format = format;
  report.first_line = lines.empty() ? 0 : lines.front().number;
  report.last_line = count == 0 ? report.first_line : lines[count - 1].number;
  Facts& facts = report.facts;
  if (facts.reported) add_excerpt(lines, count, *facts.reported);
  if (!facts.crashing.cycle) fold_cycle(facts.crashing);
  for (StackFacts& other : facts.others) {
    if (!other.cycle) fold_cycle(other);
  }
  complete_facts(facts);
  return count;
}

}  // namespace inquest::diagnosis
