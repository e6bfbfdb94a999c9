#include "diagnosis/report/document.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include "diagnosis/report/tool_stacks.h"
#include "platform/term/text.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kAwaitersShown = 4;  // on the first screen
constexpr size_t kShortStack = 24;    // rows of the crashing stack before --full
constexpr size_t kGroupedFrames = 6;  // of a group of other threads
constexpr size_t kThreadGroupsShown = 100;
constexpr size_t kTasksShown = 20;
constexpr size_t kModuleStatusesShown = 60;

const FunctionFact* blamed_function(const Report& report) {
  const auto& place = report.verdict.place;
  if (!place || place->frame >= report.facts.crashing.frames.size()) return nullptr;
  for (const FunctionFact& function : report.facts.crashing.frames[place->frame].functions) {
    if (function.short_name == place->function || function.name == place->function)
      return &function;
  }
  return nullptr;
}

Field why(const Report& report) {
  const Hypothesis& best = report.verdict.hypotheses.front();
  Field field{.label = "why", .paragraphs = {}, .code = {}, .tone = Tone::kStrong};
  field.paragraphs.push_back(best.sentence);
  return field;
}

Field sure(const Report& report) {
  const Hypothesis& best = report.verdict.hypotheses.front();
  Field field{.label = "sure", .paragraphs = {}, .code = {}};
  std::string text = fmt::format("{}: {}", to_string(best.confidence), to_string(best.crash_class));
  if (!best.facts_for.empty()) text += fmt::format("; {}", fmt::join(best.facts_for, "; "));
  field.paragraphs.push_back(std::move(text));
  if (!best.facts_against.empty()) {
    field.paragraphs.push_back(fmt::format("against it: {}", fmt::join(best.facts_against, "; ")));
  }
  return field;
}

// The excerpt with a mark at the line itself.
std::vector<std::string> marked(const std::vector<std::string>& source, uint32_t line_number) {
  std::vector<std::string> lines;
  const std::string here = fmt::format("{} |", line_number);
  for (const std::string& line : source) {
    const size_t number = line.find_first_not_of(' ');
    const bool is_here =
        number != std::string::npos && line.compare(number, here.size(), here) == 0;
    std::string shown = (is_here ? "> " : "  ") + line;
    shown.erase(shown.find_last_not_of(" \t") + 1);
    lines.push_back(std::move(shown));
  }
  return lines;
}

Field where(const Report& report) {
  Field field{.label = "where", .paragraphs = {}, .code = {}};
  const auto& place = report.verdict.place;
  if (!place) {
    field.paragraphs.emplace_back("unknown: no frame has a name or a module");
    return field;
  }
  // Texts name modules without an offset, and places without either.
  const std::string code = place->module_offset != 0
                               ? fmt::format("{}+{}", place->module, to_hex(place->module_offset))
                               : place->module;
  std::string text = place->function.empty() ? code : fmt::format("{}()", place->function);
  if (text.empty()) text = "the code";
  if (!place->file.empty() && place->line != 0) {
    text += fmt::format(" at {}:{}", place->file, place->line);
    if (place->column != 0) text += fmt::format(":{}", place->column);
  } else if (!place->function.empty() && !place->module.empty()) {
    text += " in " + code;
    const std::string whole = module_words(report.facts, place->module);
    if (const size_t of = whole.find(" of "); of != std::string::npos) text += whole.substr(of);
  }
  field.paragraphs.push_back(std::move(text));
  if (const FunctionFact* function = blamed_function(report))
    field.code = marked(function->source, function->line);
  const RuntimeFrameFact* script = report.facts.user_runtime_frame
                                       ? &*report.facts.user_runtime_frame
                                       : innermost_script(report.facts.crashing);
  const bool is_place = script != nullptr && script->file == place->file &&
                        script->line == place->line && script->function == place->function;
  if (is_place) {
    field.code = marked(script->source, script->line);
  } else if (script != nullptr) {
    field.paragraphs.push_back(
        fmt::format("from {} code: {}()", script->language, script->function));
    if (!script->file.empty())
      field.paragraphs.back() += fmt::format(" at {}:{}", script->file, script->line);
    if (script->package) field.paragraphs.back() += " of " + package_words(*script->package);
    if (field.code.empty()) field.code = marked(script->source, script->line);
  }
  return field;
}

// "by session(Conn&) at session.cc:24", the next one below
Field awaited(const Report& report) {
  Field field{.label = "awaited", .paragraphs = {}, .code = {}};
  const auto& frames = report.facts.crashing.frames;
  const auto frame = std::find_if(frames.begin(), frames.end(),
                                  [](const FrameFact& one) { return one.awaited.has_value(); });
  if (frame == frames.end()) return field;
  const AwaitFact& fact = *frame->awaited;
  for (size_t i = 0; i < fact.awaiters.size() && i < kAwaitersShown; ++i) {
    const RuntimeFrameFact& one = fact.awaiters[i];
    std::string text = fmt::format("by {}", one.function);
    if (one.line != 0) text += fmt::format(" at {}:{}", one.file, one.line);
    if (!one.gap.empty()) text += fmt::format(" ({})", one.gap);
    field.paragraphs.push_back(std::move(text));
  }
  if (fact.awaiters.size() > kAwaitersShown)
    field.paragraphs.push_back(
        fmt::format("and {} more, below", fact.awaiters.size() - kAwaitersShown));
  if (fact.awaiters.empty() && !fact.end.empty()) field.paragraphs.push_back(fact.end);
  return field;
}

Field whose(const Report& report) {
  Field field{.label = "whose", .paragraphs = {}, .code = {}};
  const Blame& blame = report.verdict.blame;
  // Of a native program's own code the place says as much.
  if (!blame.sentence.empty() && (blame.party != Party::kProgram || blame.package))
    field.paragraphs.push_back(blame.sentence);
  return field;
}

Field known(const Report& report) {
  Field field{.label = "known", .paragraphs = {}, .code = {}, .tone = Tone::kStrong};
  for (const KnownMatch& issue : report.verdict.known_issues) {
    field.paragraphs.push_back(
        fmt::format("{}{}: {}", issue.sure ? "" : "perhaps: ", issue.title, issue.link));
    if (!issue.fixed.empty()) field.paragraphs.push_back("fixed: " + issue.fixed);
    if (!issue.workaround.empty()) field.paragraphs.push_back("until then: " + issue.workaround);
  }
  return field;
}

Field who(const Report& report) {
  const ProcessFacts& process = report.facts.process;
  const SignalFacts& signal = report.facts.signal;
  Field field{.label = "who", .paragraphs = {}, .code = {}};
  std::string text = process.executable.empty() ? process.command : process.executable;
  if (text.empty()) text = "unknown program";
  if (process.pid != 0) text += fmt::format(", pid {}", process.pid);
  if (!process.arch.empty()) text += fmt::format(", {}", process.arch);
  if (!process.runtime.empty()) text += fmt::format(", {}", process.runtime);
  const bool knows_thread = report.facts.crashing.tid != 0;
  if (knows_thread) text += fmt::format(", thread {}", report.facts.crashing.tid);
  if (!report.facts.crashing.thread_name.empty()) {
    text += fmt::format(" \"{}\"", report.facts.crashing.thread_name);
  }
  if (knows_thread && process.thread_count != 0) {  // a text need not tell how many there were
    text +=
        process.thread_count == 1 ? " (its only one)" : fmt::format(" of {}", process.thread_count);
  }
  field.paragraphs.push_back(std::move(text));
  if (signal.number != 0) {
    std::string of = signal.name;
    if (!signal.code_name.empty()) of += fmt::format(" ({}: {})", signal.code_name, signal.meaning);
    if (signal.address) of += fmt::format(" at {}", to_hex(*signal.address));
    if (report.facts.own_handler) of += ", seen by the program's own crash handler";
    field.paragraphs.push_back(std::move(of));
  }
  if (report.facts.reported) {
    const ReportedFacts& reported = *report.facts.reported;
    field.paragraphs.push_back(fmt::format("{}: {}", reported.tool, reported.error));
  }
  return field;
}

Field alternatives(const Report& report) {
  Field field{.label = "or", .paragraphs = {}, .code = {}, .tone = Tone::kFaint};
  const auto& all = report.verdict.hypotheses;
  for (size_t i = 1; i < all.size(); ++i) {
    field.paragraphs.push_back(fmt::format("{} ({}): {}", title(all[i].crash_class),
                                           to_string(all[i].confidence), all[i].sentence));
  }
  return field;
}

Field next(const Report& report) {
  Field field{
      .label = "next", .paragraphs = report.verdict.next_steps, .code = {}, .tone = Tone::kGood};
  if (field.paragraphs.size() < 2) return field;
  for (size_t i = 0; i < field.paragraphs.size(); ++i)
    field.paragraphs[i] = fmt::format("{}. {}", i + 1, field.paragraphs[i]);
  return field;
}

Field group(const Report& report) {
  const Signature& signature = report.signature;
  if (signature.id.empty()) return {};
  std::string text = fmt::format("{}: {}", signature.id, signature.title());
  if (signature.confidence != "high") text += fmt::format(" ({} confidence)", signature.confidence);
  return {.label = "group", .paragraphs = {text}, .code = {}, .tone = Tone::kFaint};
}

Field missing(const Report& report) {
  return {
      .label = "missing", .paragraphs = report.verdict.limits, .code = {}, .tone = Tone::kWarning};
}

// "CPython 3.11.2: 12 frames, holds the lock, ValueError in flight"
std::string runtime_words(const RuntimeStackFact& runtime) {
  std::string text = fmt::format("{}: {} frame{}", runtime.runtime, runtime.total_frames,
                                 runtime.total_frames == 1 ? "" : "s");
  if (runtime.holds_lock) text += ", holds the lock";
  if (!runtime.exception.empty()) text += fmt::format(", in flight {}", runtime.exception);
  return text;
}

void shorten(Section& section, bool full) {
  if (full || section.frames.size() <= kShortStack) return;
  section.items.push_back(fmt::format("{} more rows: --full", section.frames.size() - kShortStack));
  section.frames.resize(kShortStack);
}

std::string stack_heading(const StackFacts& stack, size_t threads) {
  std::string text = "Crashing thread";
  if (stack.tid != 0) text += fmt::format(" {}", stack.tid);
  if (!stack.thread_name.empty()) text += fmt::format(" \"{}\"", stack.thread_name);
  if (threads == 1) text += " (the only one)";
  if (threads > 1) text += fmt::format(" (of {})", threads);
  text += fmt::format(", {} frame{}, stack {}", stack.total_frames,
                      stack.total_frames == 1 ? "" : "s", stack.end);
  if (stack.runtime) text += ", " + runtime_words(*stack.runtime);
  return text;
}

std::vector<std::string> notes_of(const StackFacts& stack) {
  std::vector<std::string> notes = stack.notes;
  if (stack.runtime)
    notes.insert(notes.end(), stack.runtime->notes.begin(), stack.runtime->notes.end());
  return notes;
}

Section apart(const StackFacts& stack, bool full) {
  Section section{
      .heading = {}, .paragraphs = {}, .frames = compose_apart(stack, full), .items = {}};
  if (section.frames.empty()) return section;
  section.heading = fmt::format("Thread {} in {}", stack.tid, stack.runtime->runtime);
  shorten(section, full);
  return section;
}

Section crashing_stack(const Report& report) {
  const StackFacts& stack = report.facts.crashing;
  Section section{.heading = stack_heading(stack, report.facts.process.thread_count),
                  .paragraphs = notes_of(stack),
                  .frames = compose_stack(stack, report.facts.crash_frame, true, report.full),
                  .items = {}};
  shorten(section, report.full);
  return section;
}

std::string signature_of(const StackFacts& stack) {
  std::string text;
  for (const FrameFact& frame : stack.frames) {
    for (const RuntimeFrameFact& inner : frame.runtime_frames)
      text += fmt::format("{} {}:{}\n", inner.function, inner.file, inner.line);
    for (const FunctionFact& function : frame.functions) text += function.name + "\n";
    if (frame.functions.empty() || frame.functions.front().name.empty()) text += to_hex(frame.pc);
  }
  return text;
}

// "pthread_cond_wait ← Pool::take ← worker"
std::string short_trace(const StackFacts& stack) {
  std::vector<std::string> names;
  const auto add = [&](std::string name) {
    if (names.size() < kGroupedFrames) names.push_back(std::move(name));
  };
  for (const FrameFact& frame : stack.frames) {
    for (const RuntimeFrameFact& inner : frame.runtime_frames) add(inner.function);
    if (!frame.runtime_frames.empty()) continue;
    for (const FunctionFact& function : frame.functions) {
      if (function.role == CodeRole::kStart) continue;
      // Between two functions of the language the run time's own say nothing.
      if (stack.runtime && function.role != CodeRole::kUser && !names.empty()) continue;
      add(function.short_name.empty() ? to_hex(frame.pc) : function.short_name);
    }
  }
  if (names.empty()) return "starting or ending: only the C library's start code is on its stack";
  return fmt::format("{}", fmt::join(names, " ← "));
}

struct ThreadGroup {
  const StackFacts* first = nullptr;
  size_t threads = 0;
};

// Threads that are in the same functions, the largest group first.
std::vector<ThreadGroup> thread_groups(const Report& report) {
  std::vector<ThreadGroup> groups;
  std::unordered_map<std::string, size_t> by_signature;
  for (const StackFacts& stack : report.facts.others) {
    const auto [at, fresh] = by_signature.try_emplace(signature_of(stack), groups.size());
    if (fresh) groups.push_back({&stack, 0});
    groups[at->second].threads += 1 + stack.alike.size();
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const auto& a, const auto& b) { return a.threads > b.threads; });
  return groups;
}

Section other_threads(const Report& report) {
  Section section{.heading = "Other threads", .paragraphs = {}, .frames = {}, .items = {}};
  const std::vector<ThreadGroup> groups = thread_groups(report);
  for (const ThreadGroup& group : groups) {
    if (section.items.size() == kThreadGroupsShown) {
      section.items.push_back(
          fmt::format("{} more stacks: --full", groups.size() - kThreadGroupsShown));
      break;
    }
    const std::string trace = short_trace(*group.first);
    section.items.push_back(group.threads == 1
                                ? fmt::format("thread {}: {}", group.first->tid, trace)
                                : fmt::format("{} threads: {}", group.threads, trace));
  }
  return section;
}

Section thread_in_full(const StackFacts& stack) {
  std::string heading = fmt::format("Thread {}", stack.tid);
  if (!stack.thread_name.empty()) heading += fmt::format(" \"{}\"", stack.thread_name);
  if (!stack.alike.empty())
    heading += fmt::format(" and {} with the same stack", stack.alike.size());
  return {.heading = fmt::format("{}, {} frames, stack {}", heading, stack.total_frames, stack.end),
          .paragraphs = notes_of(stack),
          .frames = compose_stack(stack, 0, false, true),
          .items = {}};
}

std::string words_on(const RuntimeTaskFact& task) {
  std::string text = task.name.empty() ? "a task" : task.name;
  if (!task.state.empty()) text += ", " + task.state;
  if (!task.awaits.empty()) text += fmt::format(" for {}", task.awaits);
  if (!task.gap.empty()) text += fmt::format(" ({})", task.gap);
  return text;
}

// "Task-2, waiting for task Task-1: wait_for shop.py:31 ← main shop.py:80"
Section tasks(const Report& report) {
  const auto& all = report.facts.tasks;
  Section section{
      .heading = fmt::format("Tasks, {}", all.size()), .paragraphs = {}, .frames = {}, .items = {}};
  for (const RuntimeTaskFact& task : all) {
    if (section.items.size() == kTasksShown) {
      section.items.push_back(fmt::format("{} more: --full", all.size() - kTasksShown));
      break;
    }
    std::vector<std::string> frames;
    for (const RuntimeFrameFact& frame : task.frames) {
      if (frames.size() == kGroupedFrames) break;
      frames.push_back(fmt::format("{} {}:{}", frame.function, frame.file, frame.line));
    }
    section.items.push_back(fmt::format("{}{}{}", words_on(task), frames.empty() ? "" : ": ",
                                        fmt::join(frames, " ← ")));
  }
  return section;
}

Section task_in_full(const RuntimeTaskFact& task) {
  return {.heading = words_on(task),
          .paragraphs = {},
          .frames = compose_runtime_frames(task.frames, true),
          .items = {}};
}

Section modules(const Report& report) {
  Section section{.heading = "Modules", .paragraphs = {}, .frames = {}, .items = {}};
  for (const ModuleFact& module : report.facts.modules) {
    if (section.items.size() == kModuleStatusesShown) {
      section.items.push_back(
          fmt::format("{} more: --json", report.facts.modules.size() - kModuleStatusesShown));
      break;
    }
    std::string text =
        fmt::format("{}-{} {}", to_hex(module.start), to_hex(module.end), module.path);
    if (!module.version.empty()) text += fmt::format(" {}", module.version);
    text += fmt::format(" build-id {}", module.build_id.empty() ? "unknown" : module.build_id);
    text += fmt::format(" ({})", module.status);
    section.items.push_back(std::move(text));
  }
  return section;
}

Section heap(const Report& report) {
  Section section{.heading = "Heap", .paragraphs = {}, .frames = {}, .items = {}};
  if (!report.facts.heap) return section;
  const HeapFacts& heap = *report.facts.heap;
  if (!heap.allocator.empty()) section.heading += fmt::format(" ({})", heap.allocator);
  for (const AllocationFact& allocation : heap.allocations) {
    if (!allocation.statement.empty()) section.items.push_back(allocation.statement);
    if (!allocation.pointed_by.empty()) {
      section.items.push_back(
          fmt::format("it is pointed to by {}", fmt::join(allocation.pointed_by, "; ")));
    }
  }
  for (const HeapDamageFact& damage : heap.damage)
    section.items.push_back("damage: " + damage.fact.statement);
  section.items.insert(section.items.end(), heap.notes.begin(), heap.notes.end());
  return section;
}

Section statements(const Report& report) {
  Section section{.heading = "More", .paragraphs = {}, .frames = {}, .items = {}};
  for (const Fact& fact : report.facts.other) section.items.push_back(fact.statement);
  if (report.facts.fault) {
    for (const std::string& text : report.facts.fault->inconsistencies)
      section.items.push_back(text);
    if (report.facts.fault->changed_since) {
      section.items.push_back(report.facts.fault->changed_since->statement);
    }
  }
  return section;
}

// Names and texts come from the crashed process: nothing of it may drive a terminal.
void make_printable(std::vector<std::string>& texts) {
  for (std::string& text : texts) text = term::printable(text);
}

void make_printable(Document& document) {
  document.headline = term::printable(document.headline);
  for (Field& field : document.fields) {
    make_printable(field.paragraphs);
    make_printable(field.code);
  }
  for (Section& section : document.sections) {
    section.heading = term::printable(section.heading);
    make_printable(section.paragraphs);
    make_printable(section.items);
    for (FrameRow& row : section.frames) {
      row.function = term::printable(row.function);
      row.place = term::printable(row.place);
      row.remark = term::printable(row.remark);
      make_printable(row.details);
    }
  }
}

}  // namespace

Document compose(const Report& report) {
  Document document{.headline = report.verdict.headline, .fields = {}, .sections = {}};
  for (Field field : {why(report), compose_origin_line(report.facts.origin), where(report),
                      awaited(report), whose(report), known(report), who(report), sure(report),
                      alternatives(report), next(report), missing(report), group(report)}) {
    if (!field.paragraphs.empty()) document.fields.push_back(std::move(field));
  }
  document.sections.push_back(compose_origin(report.facts.origin));
  if (!report.facts.crashing.frames.empty() || !report.facts.reported)
    document.sections.push_back(crashing_stack(report));
  document.sections.push_back(apart(report.facts.crashing, report.full));
  for (Section& section : compose_tool_stacks(report))
    document.sections.push_back(std::move(section));
  document.sections.push_back(heap(report));
  if (report.full) {
    for (const StackFacts& stack : report.facts.others) {
      document.sections.push_back(thread_in_full(stack));
      document.sections.push_back(apart(stack, true));
    }
    for (const RuntimeTaskFact& task : report.facts.tasks)
      document.sections.push_back(task_in_full(task));
    document.sections.push_back(modules(report));
  } else {
    document.sections.push_back(other_threads(report));
    document.sections.push_back(tasks(report));
  }
  document.sections.push_back(statements(report));
  std::erase_if(document.sections, [](const Section& section) {
    return section.paragraphs.empty() && section.frames.empty() && section.items.empty();
  });
  make_printable(document);
  return document;
}

}  // namespace inquest::diagnosis
