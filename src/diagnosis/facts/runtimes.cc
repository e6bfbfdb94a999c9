#include "diagnosis/facts/runtimes.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "diagnosis/facts/roles.h"
#include "diagnosis/facts/source.h"
#include "process/runtime/cpython/cpython.h"
#include "process/runtime/named/named.h"
#include "process/runtime/v8/v8.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxTogether = 512;  // frames of one native frame, or of one thread when apart

RuntimeFrameFact describe_frame(process::RuntimeFrame frame, std::string_view language) {
  RuntimeFrameFact fact{.language = std::string(language),
                        .function = std::move(frame.function),
                        .file = std::move(frame.file),
                        .line = frame.line,
                        .column = frame.column,
                        .tier = std::move(frame.tier),
                        .gap = std::move(frame.gap)};
  if (language == "JavaScript") {
    fact.role = javascript_role(fact.file);
  } else if (!fact.file.empty()) {
    fact.role = python_role(fact.file);
  }
  for (process::RuntimeVariable& variable : frame.variables) {
    fact.variables.push_back({.name = std::move(variable.name),
                              .type = std::move(variable.type),
                              .text = std::move(variable.text),
                              .why_not = std::move(variable.why_not),
                              .is_argument = variable.is_argument,
                              .function = fact.function});
  }
  return fact;
}

// Of very many those in the middle are left out, and one stands for them.
std::vector<RuntimeFrameFact> describe_frames(std::vector<process::RuntimeFrame> frames,
                                              std::string_view language) {
  std::vector<RuntimeFrameFact> facts;
  const bool too_many = frames.size() > kMaxTogether;
  for (size_t i = 0; i < frames.size(); ++i) {
    if (too_many && i == kMaxTogether / 2) {
      const size_t left_out = frames.size() - kMaxTogether;
      facts.push_back({.language = std::string(language),
                       .gap = fmt::format("{} frames are left out here", left_out)});
      i += left_out;
    }
    facts.push_back(describe_frame(std::move(frames[i]), language));
  }
  return facts;
}

std::vector<std::string> function_names(const StackFacts& stack) {
  std::vector<std::string> names;
  names.reserve(stack.frames.size());
  for (const FrameFact& frame : stack.frames)
    names.push_back(frame.functions.empty() ? "" : frame.functions.back().short_name);
  return names;
}

// Names functions that only the run time has a name for.
void name_code(process::Runtime& runtime, const process::Stack& stack, StackFacts& facts) {
  for (size_t i = 0; i < facts.frames.size() && i < stack.frames.size(); ++i) {
    auto& functions = facts.frames[i].functions;
    if (functions.size() != 1 || !functions[0].short_name.empty()) continue;
    functions[0].name = functions[0].short_name = runtime.code_name(stack.frames[i].lookup_pc());
  }
}

// What `visit` is called with, innermost first: all frames of the run time.
template <typename Stack, typename Visit>
void each_frame(Stack& stack, Visit visit) {
  for (auto& frame : stack.frames) {
    for (auto& inner : frame.runtime_frames) visit(inner);
  }
  if (!stack.runtime) return;
  for (auto& frame : stack.runtime->apart) visit(frame);
}

const RuntimeFrameFact* user_frame(const StackFacts& stack) {
  const RuntimeFrameFact* found = nullptr;
  each_frame(stack, [&](const RuntimeFrameFact& frame) {
    if (found == nullptr && frame.role == CodeRole::kUser) found = &frame;
  });
  return found;
}

}  // namespace

Runtimes::Runtimes(const process::ProcessImage& image, const process::ModuleSet& modules, bool full)
    : full_(full) {
  add(process::cpython::recognise(image, modules));
  add(process::v8::recognise(image, modules));
  for (process::NamedRuntime& named : process::find_named_runtimes(modules)) {
    notes_.push_back({fmt::format("frames of {} in {} are not read: native frames only",
                                  named.language, named.name),
                      std::move(named.advice)});
    named_.push_back({.name = std::move(named.name),
                      .language = std::move(named.language),
                      .found_by = std::move(named.found_by)});
  }
}

void Runtimes::add(process::RecognisedRuntime found) {
  if (found.runtime) runtimes_.push_back(std::move(found.runtime));
  std::move(found.notes.begin(), found.notes.end(), std::back_inserter(notes_));
}

Runtimes::~Runtimes() = default;

void Runtimes::describe(const process::Thread& thread, const process::Stack& stack,
                        StackFacts& facts) {
  for (const auto& runtime : runtimes_) {
    name_code(*runtime, stack, facts);
    auto known = runtime->claim(thread, stack, function_names(facts));
    if (!known) continue;
    RuntimeStackFact fact{.runtime = runtime->name(),
                          .total_frames = known->total_frames,
                          .holds_lock = known->holds_lock,
                          .exception = std::move(known->exception),
                          .apart = {},
                          .notes = std::move(known->notes)};
    for (process::RuntimeClaim& claim : known->claims) {
      if (claim.frame >= facts.frames.size()) continue;
      facts.frames[claim.frame].runtime_frames =
          describe_frames(std::move(claim.frames), runtime->language());
    }
    fact.apart = describe_frames(std::move(known->apart), runtime->language());
    facts.runtime = std::move(fact);
    const RuntimeFrameFact* matters = user_frame(facts);
    each_frame(facts, [&](RuntimeFrameFact& frame) {
      if (full_) frame.source = source_excerpt(frame.file, frame.line);
      if (!full_ && &frame != matters) frame.variables.clear();
    });
    return;
  }
}

void Runtimes::conclude(Facts& facts) const {
  for (const process::Note& note : notes_) {
    facts.missing.push_back({note.text, {}});
    facts.advice.push_back(note.advice);
  }
  facts.runtimes = named_;
  for (const auto& runtime : runtimes_) {
    facts.runtimes.push_back({.name = runtime->name(),
                              .language = std::string(runtime->language()),
                              .found_by = runtime->found_by()});
    for (process::RuntimeTask task : runtime->tasks()) {
      RuntimeTaskFact& fact = facts.tasks.emplace_back();
      fact.name = std::move(task.name);
      fact.state = std::move(task.state);
      fact.awaits = std::move(task.awaits);
      fact.gap = std::move(task.gap);
      fact.frames = describe_frames(std::move(task.frames), runtime->language());
      if (full_) continue;
      for (RuntimeFrameFact& frame : fact.frames) frame.variables.clear();
    }
    // After the tasks, which may add to them.
    for (const process::Note& note : runtime->notes()) {
      facts.missing.push_back({note.text, {}});
      facts.advice.push_back(note.advice);
    }
    for (const std::string& statement : runtime->statements())
      facts.other.push_back({statement, {}});
  }
  const RuntimeFrameFact* matters = user_frame(facts.crashing);
  if (matters == nullptr) return;
  facts.user_runtime_frame = *matters;
  RuntimeFrameFact& frame = *facts.user_runtime_frame;
  frame.source = source_excerpt(frame.file, frame.line);
}

}  // namespace inquest::diagnosis
