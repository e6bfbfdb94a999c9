#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/signature/choice.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxScripts =
    3;  // the innermost ones; the first of the program's own comes on top

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1);
}

// "/srv/shop.py" → "shop", "node:internal/http2/core" as it is.
std::string_view module_of(std::string_view file) {
  const bool is_inner = file.starts_with("node:") || file.starts_with("<");
  const std::string_view name = is_inner ? file : base_name(file);
  return name.substr(0, name.starts_with("<") ? name.size() : name.rfind('.'));
}

// Without the classes and functions around it, which CPython knows from 3.11 on only.
std::string_view last_part(std::string_view function) {
  const size_t dot = function.rfind('.');
  return dot == std::string_view::npos || dot + 1 == function.size() ? function
                                                                     : function.substr(dot + 1);
}

bool is_unread(const RuntimeFrameFact& script) {
  return script.function.empty() && !script.gap.empty();
}

// As a whole, with the classes around it.
std::string function_of(const RuntimeFrameFact& script) {
  if (!script.function.empty()) return script.function;
  return is_unread(script) ? "?" : "(anonymous)";
}

std::string name_of(const RuntimeFrameFact& script) {
  const std::string function = function_of(script);
  return fmt::format("{}:{}", module_of(script.file), last_part(function));
}

std::string to_read(const RuntimeFrameFact& script) {
  std::string text = function_of(script);
  if (!script.file.empty()) text += fmt::format(" at {}", script.file);
  if (script.line != 0) text += fmt::format(":{}", script.line);
  return text;
}

// "CPython 3.11.2" → "CPython"
std::string run_time_of(const StackFacts& stack) {
  const std::string& name = stack.runtime ? stack.runtime->runtime : std::string();
  return name.substr(0, name.find(' '));
}

// A call with types of the script's own choice: what is in it tells nothing of the script.
bool is_foreign_call(const FrameFact& frame) {
  return base_name(frame.module).starts_with("libffi.so");
}

class Chooser {
 public:
  Chooser(const Facts& facts, Signature& signature) : facts_(facts), signature_(signature) {}

  void choose() {
    signature_.version = Signature::kScriptVersion;
    signature_.confidence = "high";
    const bool in_run_time = !keep_native();
    signature_.fault = in_run_time ? coarse_fault_kind(facts_) : fault_kind(facts_);
    if (in_run_time)
      keep("", run_time_of(facts_.crashing), "the run time", 0, "kept: it crashed there");
    keep_scripts();
    if (facts_.crashing.corrupt && !in_run_time) lower("low", "the stack was damaged");
  }

 private:
  // The innermost native function that is not the run time's own, between the crash and the first
  // frame that executes the language. False when there is none.
  bool keep_native() {
    const std::vector<FrameFact>& frames = facts_.crashing.frames;
    for (size_t i = count_handler_frames(facts_); i < frames.size(); ++i) {
      const FrameFact& frame = frames[i];
      if (!frame.runtime_frames.empty()) return false;
      if (frame.found_by == "scan") {
        step(SignatureStep::Action::kStopped, frame.index, "", "",
             "stopped: found by scanning the stack, may be wrong");
        return false;
      }
      for (const FunctionFact& function : frame.functions) {
        if (function.role == CodeRole::kStart) return false;
        if (keep_native(frame, function)) return true;
      }
    }
    return false;
  }

  bool keep_native(const FrameFact& frame, const FunctionFact& function) {
    auto skip = reason_to_skip(frame, function);
    if (!skip && !frame.run_time.empty()) skip = "skipped: the run time's own code";
    if (!skip && is_foreign_call(frame)) skip = "skipped: a call of a foreign function";
    if (!skip && frame.module.empty()) skip = "skipped: in no module";
    if (skip) {
      step(SignatureStep::Action::kSkipped, frame.index, function.name, "", *skip);
      return false;
    }
    const std::string& name = function.short_name.empty() ? function.name : function.short_name;
    keep(function.name, name.empty() ? unnamed(frame) : grouping_name(name),
         name.empty() ? unnamed(frame) : name + place_of(frame, function), frame.index,
         name.empty() ? "kept by build-id and offset: no symbols" : "kept");
    if (name.empty())
      lower(
          "medium",
          "functions without symbols are told by build-id and offset: another build gives another "
          "signature");
    return true;
  }

  void keep_scripts() {
    for (const FrameFact& frame : facts_.crashing.frames)
      for (const RuntimeFrameFact& script : frame.runtime_frames) keep_script(script, frame.index);
    if (!facts_.crashing.runtime) return;
    for (const RuntimeFrameFact& script : facts_.crashing.runtime->apart) keep_script(script, 0);
  }

  void keep_script(const RuntimeFrameFact& script, size_t frame) {
    if (has_user_ && scripts_ >= kMaxScripts) return;
    if (script.function.empty() && script.file.empty()) return;  // stands for others
    const std::string name = name_of(script);
    const bool is_users = script.role == CodeRole::kUser;
    if (scripts_ >= kMaxScripts && (!is_users || has_user_)) {
      step(SignatureStep::Action::kSkipped, frame, script.function, "",
           "skipped: the three innermost and the first of the program's own are enough");
      return;
    }
    has_user_ |= is_users;
    if (std::ranges::find(signature_.frames, name) != signature_.frames.end()) {
      step(SignatureStep::Action::kFolded, frame, script.function, name,
           "folded: the recursion is told once");
      return;
    }
    ++scripts_;
    keep(script.function, name, to_read(script), frame,
         is_users ? "kept: the program's own code" : "kept");
    if (is_unread(script)) lower("low", "the name of a function could not be read");
  }

  void keep(std::string input, std::string name, std::string shown, size_t frame,
            std::string reason) {
    step(SignatureStep::Action::kKept, frame, std::move(input), name, std::move(reason));
    signature_.frames.push_back(std::move(name));
    signature_.stack.push_back(std::move(shown));
  }

  void step(SignatureStep::Action action, size_t frame, std::string input, std::string output,
            std::string reason) {
    signature_.steps.push_back(
        {action, frame, std::move(input), std::move(output), std::move(reason)});
  }

  void lower(std::string confidence, std::string why) {
    signature_.confidence = std::move(confidence);
    signature_.why_not_high = std::move(why);
  }

  const Facts& facts_;
  Signature& signature_;
  size_t scripts_ = 0;
  bool has_user_ = false;
};

}  // namespace

bool has_script_frames(const StackFacts& stack) {
  if (stack.runtime && !stack.runtime->apart.empty()) return true;
  return std::ranges::any_of(stack.frames,
                             [](const FrameFact& frame) { return !frame.runtime_frames.empty(); });
}

void choose_with_scripts(const Facts& facts, Signature& signature) {
  Chooser(facts, signature).choose();
}

}  // namespace inquest::diagnosis
