#include "diagnosis/verdict/blame.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "diagnosis/facts/roles.h"
#include "diagnosis/verdict/rules.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxSuspects = 6;  // add-ons that are named when none is on the stack

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1);
}

const ModuleFact* module_of(const Facts& facts, const std::string& path) {
  const auto found = std::ranges::find(facts.modules, path, &ModuleFact::path);
  return found == facts.modules.end() ? nullptr : &*found;
}

std::optional<PackageFact> package_of(const Facts& facts, const std::string& path) {
  const ModuleFact* module = module_of(facts, path);
  return module != nullptr ? module->package : std::nullopt;
}

// What is loaded into a run time and not a part of it: a .node file, an extension module, a library
// that came with one.
bool is_add_on(const FrameFact& frame, const Facts& facts) {
  if (frame.module.empty() || frame.module.starts_with('[') || !frame.run_time.empty())
    return false;
  if (frame.module == facts.process.executable || is_system_library(frame.module)) return false;
  return !is_c_library(frame.module) && !is_cxx_runtime(frame.module);
}

bool is_add_on_file(std::string_view path) {
  return path.ends_with(".node") || path.find("/site-packages/") != std::string_view::npos ||
         path.find("/dist-packages/") != std::string_view::npos ||
         path.find("/node_modules/") != std::string_view::npos;
}

// Foreign functions that a script calls with types of its own choice.
bool is_foreign_call(std::string_view module) {
  const std::string_view name = base_name(module);
  return name.starts_with("_ctypes.") || name.starts_with("libffi.so");
}

// The native frames between the crash and the language's code that led there.
struct Stretch {
  const FrameFact* add_on = nullptr;  // the innermost
  const FrameFact* library =
      nullptr;  // the innermost that is neither the C library nor the run time
  const FrameFact* run_time = nullptr;
  bool foreign_call = false;
  const RuntimeFrameFact* script = nullptr;  // the innermost frame of the language
};

Stretch find_stretch(const Facts& facts) {
  Stretch found;
  const auto& frames = facts.crashing.frames;
  for (size_t i = facts.crash_frame; i < frames.size() && found.script == nullptr; ++i) {
    const FrameFact& frame = frames[i];
    if (!frame.runtime_frames.empty()) found.script = &frame.runtime_frames.front();
    found.foreign_call |= is_foreign_call(frame.module);
    if (!frame.run_time.empty()) {
      if (found.run_time == nullptr) found.run_time = &frame;
    } else if (is_add_on(frame, facts)) {
      if (found.add_on == nullptr) found.add_on = &frame;
    } else if (found.library == nullptr && !frame.module.empty() &&
               frame.module != facts.process.executable && !is_c_library(frame.module) &&
               !is_cxx_runtime(frame.module) && !frame.module.starts_with('[')) {
      found.library = &frame;
    }
  }
  if (found.script == nullptr) found.script = innermost_script(facts.crashing);
  return found;
}

// Of those whose own code and frames are told apart.
bool has_run_time(const Facts& facts) {
  return facts.crashing.runtime ||
         std::ranges::any_of(facts.crashing.frames, [](const FrameFact& frame) {
           return !frame.run_time.empty() || !frame.runtime_frames.empty();
         });
}

std::string run_time_name(const Facts& facts, const Stretch& stretch) {
  if (facts.crashing.runtime) return facts.crashing.runtime->runtime;
  for (const RuntimeFact& run_time : facts.runtimes) {
    if (stretch.run_time != nullptr && stretch.run_time->run_time == run_time.language)
      return run_time.name;
  }
  if (!facts.process.runtime.empty()) return facts.process.runtime;
  return stretch.run_time != nullptr ? std::string(base_name(stretch.run_time->module))
                                     : "the run time";
}

// Came with the run time, and is as much to blame as that.
bool is_run_times_own(const RuntimeFrameFact& script) {
  if (script.role == CodeRole::kUser) return false;
  for (const std::string_view added : {"/site-packages/", "/dist-packages/", "/node_modules/"})
    if (script.file.find(added) != std::string::npos) return false;
  return true;
}

const RuntimeFrameFact* caller_of_run_time(const StackFacts& stack) {
  const auto find = [](const std::vector<RuntimeFrameFact>& scripts) -> const RuntimeFrameFact* {
    const auto found = std::ranges::find_if_not(scripts, is_run_times_own);
    return found == scripts.end() ? nullptr : &*found;
  };
  for (const FrameFact& frame : stack.frames)
    if (const auto* found = find(frame.runtime_frames)) return found;
  return stack.runtime ? find(stack.runtime->apart) : nullptr;
}

std::string script_words(const RuntimeFrameFact& script) {
  std::string text = fmt::format("{}()", script.function.empty() ? "a function" : script.function);
  if (script.package && !script.package->is_program)
    return text + " of " + package_words(*script.package);
  if (!script.file.empty())
    text += fmt::format(" in {}", script.file.starts_with("node:") ? std::string_view(script.file)
                                                                   : base_name(script.file));
  return text;
}

// Add-ons that are loaded may have damaged memory before.
std::string suspects(const Facts& facts) {
  std::vector<std::string> names;
  size_t more = 0;
  for (const ModuleFact& module : facts.modules) {
    if (!is_add_on_file(module.path) || is_python_interpreter(module.path)) continue;
    if (names.size() < kMaxSuspects) {
      names.emplace_back(base_name(module.path));
    } else {
      ++more;
    }
  }
  if (names.empty()) return {};
  return fmt::format("; native add-ons that are loaded could have damaged memory before: {}{}",
                     fmt::join(names, ", "), more != 0 ? fmt::format(" and {} more", more) : "");
}

Blame add_on(const Facts& facts, const Stretch& stretch, const FrameFact* crashed) {
  const FrameFact& frame = *stretch.add_on;
  Blame blame{.party = Party::kNativeAddOn,
              .sentence = "a native add-on: " + module_words(facts, frame.module),
              .module = frame.module,
              .package = package_of(facts, frame.module)};
  if (crashed == nullptr || crashed->module == frame.module) return blame;
  if (!crashed->run_time.empty()) {
    blame.sentence += fmt::format("; it crashed in {}, which the add-on had called",
                                  run_time_name(facts, stretch));
  } else if (stretch.library != nullptr) {
    blame.sentence += fmt::format("; it crashed in {}, which the add-on had called",
                                  module_words(facts, stretch.library->module));
  }
  return blame;
}

// A script that ends the process, or throws what nothing catches, does what it was told to.
Blame of_script(const Facts& facts) {
  const RuntimeFrameFact* script = caller_of_run_time(facts.crashing);
  if (script == nullptr) return {};
  const bool is_own = script->role == CodeRole::kUser;
  return {.party = is_own ? Party::kProgram : Party::kLibrary,
          .sentence = fmt::format(
              "{}: {} {}", is_own ? "the program's own code" : "a library", script_words(*script),
              facts.abort.kind == AbortFacts::Kind::kException ? "led to the exception"
                                                               : "ended the process"),
          .module = {},
          .package = script->package};
}

Blame of_run_time(const Facts& facts) {
  const Stretch stretch = find_stretch(facts);
  const auto& frames = facts.crashing.frames;
  const FrameFact* crashed =
      facts.crash_frame < frames.size() ? &frames[facts.crash_frame] : nullptr;
  if (stretch.foreign_call && stretch.script != nullptr) {
    Blame blame{.party = Party::kMisuse, .sentence = {}, .module = {}, .package = {}};
    blame.sentence = fmt::format(
        "misuse of internals: {} calls a native function with types and arguments that nothing "
        "checks (ctypes)",
        script_words(*stretch.script));
    blame.package = stretch.script->package;
    return blame;
  }
  if (stretch.add_on != nullptr) return add_on(facts, stretch, crashed);
  if (stretch.library != nullptr && stretch.run_time == nullptr)
    return {.party = Party::kLibrary,
            .sentence = "a library: " + module_words(facts, stretch.library->module),
            .module = stretch.library->module,
            .package = package_of(facts, stretch.library->module)};
  if (stretch.run_time == nullptr && stretch.script == nullptr) return {};
  // Node.js sends itself what somebody else sent it: the stack is where it happened to be.
  if (has_sent_itself_a_fault(facts)) return {};
  Blame blame{.party = Party::kRunTime, .sentence = {}, .module = {}, .package = {}};
  blame.sentence = fmt::format("the run time itself, {}", run_time_name(facts, stretch));
  if (const RuntimeFrameFact* caller = caller_of_run_time(facts.crashing))
    blame.sentence += fmt::format(", or how {} uses it", script_words(*caller));
  blame.sentence += ": no native add-on is on the stack" + suspects(facts);
  if (stretch.run_time != nullptr) {
    blame.module = stretch.run_time->module;
    blame.package = package_of(facts, blame.module);
  }
  return blame;
}

Blame of_native_program(const Facts& facts) {
  const auto& frames = facts.crashing.frames;
  if (facts.user_frame && *facts.user_frame < frames.size()) {
    const FrameFact& frame = frames[*facts.user_frame];
    const FunctionFact& function = frame.functions[facts.user_function.value_or(0)];
    const auto installed = package_of(facts, frame.module);
    if (function.package)
      return {.party = Party::kLibrary,
              .sentence = fmt::format("{} in {}", package_words(*function.package),
                                      base_name(frame.module)),
              .module = frame.module,
              .package = function.package};
    if (installed && !installed->is_program)
      return {.party = Party::kProgram,
              .sentence = module_words(facts, frame.module),
              .module = frame.module,
              .package = installed};
    return {.party = Party::kProgram,
            .sentence = "the program's own code",
            .module = frame.module,
            .package = std::nullopt};
  }
  for (size_t i = facts.crash_frame; i < frames.size(); ++i) {
    if (frames[i].module.empty() || frames[i].module.starts_with('[') ||
        is_c_library(frames[i].module))
      continue;
    return {.party = Party::kLibrary,
            .sentence = "a library: " + module_words(facts, frames[i].module),
            .module = frames[i].module,
            .package = package_of(facts, frames[i].module)};
  }
  return {};
}

// Whoever is on the stack when the allocator stops the process has only met the damage.
bool only_noticed(const Facts& facts) {
  return facts.abort.kind == AbortFacts::Kind::kGlibcHeap ||
         (facts.heap && !facts.heap->damage.empty());
}

Blame by_stack(const Facts& facts) {
  if (facts.signal.sent_by_other || facts.crashing.frames.empty()) return {};
  if (facts.abort.by_script) return of_script(facts);
  Blame blame = has_run_time(facts) ? of_run_time(facts) : of_native_program(facts);
  if (only_noticed(facts) && blame.party != Party::kUnknown && blame.party != Party::kProgram) {
    blame.sentence +=
        "; but the heap was damaged before, and what is on the stack may only have met it";
  }
  return blame;
}

std::string_view party_words(Party party) {
  switch (party) {
    case Party::kProgram:
      return "the program's own code";
    case Party::kNativeAddOn:
      return "a native add-on";
    case Party::kLibrary:
      return "a library";
    case Party::kMisuse:
      return "misuse of internals";
    case Party::kRunTime:
      return "the run time itself";
    case Party::kUnknown:
      break;
  }
  return "unknown";
}

}  // namespace

std::string module_words(const Facts& facts, const std::string& path) {
  const auto package = package_of(facts, path);
  std::string text(base_name(path));
  if (!package) return text;
  return fmt::format("{} of {}", text, package_words(*package));
}

Blame find_blame(const Facts& facts, const std::vector<KnownMatch>& known) {
  Blame blame = by_stack(facts);
  if (known.empty() || !known.front().sure || known.front().party == Party::kUnknown) return blame;
  const KnownMatch& first = known.front();
  if (blame.party != first.party) {
    const Stretch stretch = find_stretch(facts);
    blame = {.party = first.party, .sentence = {}, .module = {}, .package = {}};
    if (stretch.script != nullptr && first.party == Party::kMisuse) {
      blame.package = stretch.script->package;
      blame.sentence = script_words(*stretch.script);
    } else if (first.party == Party::kRunTime) {
      blame.sentence = run_time_name(facts, stretch);
    }
  } else if (first.party == Party::kRunTime) {
    blame.sentence = run_time_name(facts, find_stretch(facts));
  } else {
    return blame;
  }
  blame.sentence = fmt::format("{}{}{}: a known issue", party_words(first.party),
                               blame.sentence.empty() ? "" : ", ", blame.sentence);
  return blame;
}

}  // namespace inquest::diagnosis
