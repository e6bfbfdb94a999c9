#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "diagnosis/report/document.h"

namespace inquest::diagnosis {
namespace {

std::string base_name(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::string place_of(const FrameFact& frame, const FunctionFact& function) {
  if (!function.file.empty() && function.line != 0) {
    return function.column != 0
               ? fmt::format("{}:{}:{}", function.file, function.line, function.column)
               : fmt::format("{}:{}", function.file, function.line);
  }
  if (frame.module.empty()) return {};
  if (frame.module_offset == 0) return std::string(base_name(frame.module));  // of a text
  return fmt::format("{}+{}", base_name(frame.module), to_hex(frame.module_offset));
}

std::string name_of(const FrameFact& frame, const FunctionFact& function, bool full) {
  if (!full && !function.short_name.empty()) return function.short_name;
  if (!function.name.empty()) return function.name;
  return fmt::format("{} ??", to_hex(frame.pc));
}

std::string remark_of(const FrameFact& frame, const FunctionFact& function) {
  if (frame.is_signal_handler_return) return "signal handler called";
  if (function.is_inlined) return "inlined";
  if (frame.found_by == "scan") return "found by scanning the stack: may be wrong";
  if (frame.trust == "low") return fmt::format("low trust ({})", frame.found_by);
  if (frame.found_by == "tail_call") return "left by a jump: a tail call";
  if (frame.found_by == "frame_pointer") return "by frame pointer";
  if (frame.found_by == "call_site") return "return address of the bad call";
  return {};
}

// The variables of `function`, unless an inner function of the same name has shown them already.
std::vector<std::string> details_of(const FrameFact& frame, size_t index) {
  const FunctionFact& function = frame.functions[index];
  for (size_t inner = 0; inner < index; ++inner) {
    if (frame.functions[inner].short_name == function.short_name) return {};
  }
  std::vector<std::string> lines;
  for (const VariableFact& variable : frame.variables) {
    const bool mine = frame.functions.size() == 1 || variable.function == function.short_name ||
                      variable.function == function.name;
    if (!mine) continue;
    std::string line = fmt::format(
        "{} {} = {}", variable.type, variable.name,
        variable.why_not.empty() ? variable.text : fmt::format("<{}>", variable.why_not));
    if (std::find(lines.begin(), lines.end(), line) == lines.end())
      lines.push_back(std::move(line));
  }
  return lines;
}

FrameRow runtime_row(const RuntimeFrameFact& frame, std::string number, bool full) {
  FrameRow row;
  row.number = std::move(number);
  row.function = !frame.function.empty() ? frame.function : (frame.file.empty() ? "…" : "??");
  row.place = frame.file;
  if (frame.line != 0) row.place += fmt::format(":{}", frame.line);
  if (frame.line != 0 && frame.column != 0) row.place += fmt::format(":{}", frame.column);
  row.remark = frame.language;
  if (!frame.tier.empty()) row.remark += fmt::format(", {}", frame.tier);
  if (!frame.gap.empty()) row.remark += fmt::format("; {}", frame.gap);
  row.is_user_code = frame.role == CodeRole::kUser;
  if (full) row.details = frame.source;
  for (const VariableFact& variable : frame.variables) {
    const std::string type = variable.type.empty() ? "" : ": " + variable.type;
    row.details.push_back(fmt::format(
        "{}{} = {}", variable.name, type,
        variable.why_not.empty() ? variable.text : fmt::format("<{}>", variable.why_not)));
  }
  return row;
}

// Below the coroutine that runs: those that await it, and where that ends.
void add_awaiters(const AwaitFact& awaited, bool full, std::vector<FrameRow>& rows) {
  for (const RuntimeFrameFact& awaiter : awaited.awaiters) {
    FrameRow row = runtime_row(awaiter, "", full);
    row.function = "awaited by " + row.function;
    row.remark = awaiter.gap;
    rows.push_back(std::move(row));
  }
  if (awaited.end.empty()) return;
  FrameRow row;
  row.function = awaited.end;
  rows.push_back(std::move(row));
}

FrameRow cycle_row(const CycleFact& cycle) {
  FrameRow row;
  row.function = fmt::format("`{}` × {}", fmt::join(cycle.functions, " → "), cycle.count);
  row.remark =
      fmt::format("a cycle of {} frame{}, shown once", cycle.period, cycle.period == 1 ? "" : "s");
  return row;
}

FrameRow omitted_row(const OmittedFact& omitted) {
  FrameRow row;
  row.function = fmt::format("… {} frames are left out here", omitted.count);
  return row;
}

}  // namespace

std::vector<FrameRow> compose_runtime_frames(const std::vector<RuntimeFrameFact>& frames,
                                             bool full) {
  std::vector<FrameRow> rows;
  for (const RuntimeFrameFact& frame : frames) rows.push_back(runtime_row(frame, "", full));
  return rows;
}

std::vector<FrameRow> compose_apart(const StackFacts& stack, bool full) {
  if (!stack.runtime) return {};
  return compose_runtime_frames(stack.runtime->apart, full);
}

std::vector<FrameRow> compose_stack(const StackFacts& stack, size_t crash_frame, bool is_crashing,
                                    bool full) {
  std::vector<FrameRow> rows;
  for (size_t i = 0; i < stack.frames.size(); ++i) {
    const FrameFact& frame = stack.frames[i];
    if (stack.omitted && i == stack.omitted->before) rows.push_back(omitted_row(*stack.omitted));
    if (stack.cycle && i == stack.cycle->first) rows.push_back(cycle_row(*stack.cycle));
    for (const RuntimeFrameFact& inner : frame.runtime_frames)
      rows.push_back(runtime_row(inner, fmt::format("#{}", frame.index), full));
    // The interpreter's loop itself is of interest only where it crashed.
    const bool crashed_here = is_crashing && i == crash_frame;
    if (!frame.runtime_frames.empty() && !full && !crashed_here) continue;
    for (size_t f = 0; f < frame.functions.size(); ++f) {
      const FunctionFact& function = frame.functions[f];
      FrameRow row;
      row.number = fmt::format("#{}", frame.index);
      row.function = name_of(frame, function, full);
      row.place = place_of(frame, function);
      row.remark = remark_of(frame, function);
      if (full || function.role == CodeRole::kUser) row.details = details_of(frame, f);
      row.is_user_code = function.role == CodeRole::kUser;
      row.is_crash = is_crashing && i == crash_frame && f == 0;
      rows.push_back(std::move(row));
    }
    if (frame.awaited) add_awaiters(*frame.awaited, full, rows);
  }
  return rows;
}

}  // namespace inquest::diagnosis
