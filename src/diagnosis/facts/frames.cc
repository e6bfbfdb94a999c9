#include "diagnosis/facts/frames.h"

#include <fmt/format.h>

#include "diagnosis/facts/roles.h"
#include "diagnosis/facts/source.h"

namespace inquest::diagnosis {
FunctionFact describe_function(const process::SourceFrame& source,
                               const process::AnnotatedFrame& frame) {
  FunctionFact fact;
  fact.name = source.function;
  fact.short_name = source.short_name;
  fact.is_inlined = source.is_inlined;
  if (source.location) {
    fact.file = source.location->file;
    fact.line = source.location->line;
    fact.column = source.location->column;
  }
  RoleInput input{
      .short_name = fact.short_name, .linkage_name = source.linkage_name, .file = fact.file};
  std::string found;
  if (frame.module != nullptr) {
    input.module_path = frame.module->path;
    // Crashpad knows sonames only: where the verified file lies tells whose it is.
    if (frame.module->path.find('/') == std::string::npos && !frame.module->is_main) {
      found = frame.module->found_path();
      if (!found.empty()) input.module_path = found;
    }
    input.module_is_main = frame.module->is_main;
    input.module_is_vdso = frame.module->is_vdso;
  }
  fact.role = role_of(input);
  return fact;
}

namespace {

FrameFact describe_frame(const process::Frame& frame, process::Symbolizer& symbols) {
  FrameFact fact;
  fact.pc = frame.pc;
  fact.found_by = to_string(frame.how);
  fact.trust = to_string(frame.trust);
  fact.is_signal_handler_return = frame.is_signal_handler_return;
  fact.interrupted = frame.interrupted;
  const process::AnnotatedFrame& annotated = symbols.annotate(frame.lookup_pc());
  fact.module_offset = annotated.module_offset;
  if (annotated.module != nullptr) {
    fact.module = annotated.module->path;
    // A minidump may know half of the build-id; the verified file knows all of it.
    auto build_id = annotated.module->build_id;
    if (build_id && annotated.module->status() == process::FileStatus::kVerified)
      build_id = annotated.module->found_build_id();
    if (build_id) fact.build_id = build_id->hex();
  }
  for (const process::SourceFrame& source : annotated.functions) {
    fact.functions.push_back(describe_function(source, annotated));
  }
  if (fact.functions.empty()) fact.functions.emplace_back();
  if (!frame.is_exact()) {  // the function is known, the place in it is not
    fact.functions.erase(fact.functions.begin(), fact.functions.end() - 1);
    fact.functions.back().line = fact.functions.back().column = 0;
  }
  if (frame.is_signal_handler_return) {
    for (FunctionFact& function : fact.functions) function.role = CodeRole::kSignal;
  }
  return fact;
}

CycleFact describe_cycle(const process::Cycle& cycle, const std::vector<FrameFact>& frames) {
  CycleFact fact{.first = cycle.first, .period = cycle.period, .count = cycle.count};
  for (size_t i = cycle.first + cycle.period; i > cycle.first; --i) {
    if (i > frames.size()) continue;
    const auto& functions = frames[i - 1].functions;
    for (auto function = functions.rbegin(); function != functions.rend(); ++function) {
      fact.functions.push_back(function->short_name.empty() ? to_hex(frames[i - 1].pc)
                                                            : function->short_name);
    }
  }
  return fact;
}

}  // namespace

StackFacts describe_stack(const process::Thread& thread, const process::Stack& stack,
                          process::Symbolizer& symbols) {
  StackFacts facts;
  facts.tid = thread.tid;
  facts.thread_name = thread.name;
  facts.total_frames = stack.total_frames;
  facts.end = to_string(stack.end);
  facts.corrupt = stack.corrupt;
  for (const process::Note& note : stack.notes) facts.notes.push_back(note.text);
  facts.frames.reserve(stack.frames.size());
  for (size_t i = 0; i < stack.frames.size(); ++i) {
    FrameFact& frame = facts.frames.emplace_back(describe_frame(stack.frames[i], symbols));
    frame.index = i;
    if (stack.cycle && i >= stack.cycle->first + stack.cycle->period && stack.cycle->count > 1) {
      frame.index += stack.cycle->period * (stack.cycle->count - 1);
    }
    if (stack.omitted && i >= stack.omitted->before) frame.index += stack.omitted->count;
  }
  if (stack.omitted) facts.omitted = OmittedFact{stack.omitted->before, stack.omitted->count};
  if (stack.cycle) facts.cycle = describe_cycle(*stack.cycle, facts.frames);
  return facts;
}

void add_variables(const process::Stack& stack, size_t index, process::VariableReader& reader,
                   FrameFact& frame) {
  if (!frame.variables.empty()) return;
  for (process::Variable& variable : reader.variables(stack, index)) {
    VariableFact fact;
    fact.name = std::move(variable.name);
    fact.type = std::move(variable.type);
    fact.is_argument = variable.is_argument;
    fact.function = std::move(variable.function);
    switch (variable.value.state) {
      case process::ValueState::kPresent:
        fact.text = std::move(variable.value.text);
        break;
      case process::ValueState::kOptimizedOut:
        fact.why_not = "optimized out";
        break;
      case process::ValueState::kNotInCore:
        fact.why_not = variable.value.why.empty()
                           ? "not in the core"
                           : fmt::format("not in the core ({})", variable.value.why);
        break;
      case process::ValueState::kUnknown:
        fact.why_not = variable.value.why.empty() ? "unknown"
                                                  : fmt::format("unknown ({})", variable.value.why);
        break;
    }
    frame.variables.push_back(std::move(fact));
  }
}

void add_source(FrameFact& frame, const std::string& binary) {
  for (FunctionFact& function : frame.functions) {
    if (function.source.empty())
      function.source = source_excerpt(function.file, function.line, {}, binary);
  }
}

std::string frame_text(const StackFacts& stack, size_t index) {
  if (index >= stack.frames.size()) return {};
  const FrameFact& frame = stack.frames[index];
  const std::string& name = frame.functions.back().short_name;
  return fmt::format("frame {}: {}", frame.index, name.empty() ? to_hex(frame.pc) : name);
}

}  // namespace inquest::diagnosis
