#include "diagnosis/signature/signature.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "diagnosis/signature/choice.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kLongestCycle = 8;  // functions in one round of a recursion that is still folded

// The chosen functions, while they are being chosen.
class Chooser {
 public:
  explicit Chooser(const Facts& facts)
      : stack_(facts.crashing), in_handler_(count_handler_frames(facts)) {}

  void choose(Signature& signature) && {
    walk(false);
    if (frames_.empty()) {
      // All of it is libraries: better the library's functions than nothing.
      only_libraries_ = !stack_.frames.empty();
      walk(true);
    }
    signature.frames = std::move(frames_);
    signature.stack = std::move(to_read_);
    signature.steps = std::move(steps_);
    grade(signature);
  }

 private:
  void walk(bool keep_libraries) {
    for (size_t i = 0; i < stack_.frames.size(); ++i) {
      const FrameFact& frame = stack_.frames[i];
      if (i < in_handler_) {
        step(SignatureStep::Action::kSkipped, frame, frame.functions.back().name, "",
             std::string(kInHandler));
        continue;
      }
      if (frame.found_by == "scan") {
        step(SignatureStep::Action::kStopped, frame, "", "",
             "stopped: found by scanning the stack, may be wrong");
        return;
      }
      for (const FunctionFact& function : frame.functions) {
        if (function.role == CodeRole::kStart) {
          step(SignatureStep::Action::kStopped, frame, function.name, "",
               "stopped: the start of a thread or program");
          return;
        }
        if (!add(frame, function, keep_libraries)) return;
      }
    }
  }

  // False when there is room for no more.
  bool add(const FrameFact& frame, const FunctionFact& function, bool keep_libraries) {
    const auto skip = reason_to_skip(frame, function);
    if (skip && !(keep_libraries && function.role != CodeRole::kSignal)) {
      step(SignatureStep::Action::kSkipped, frame, function.name, "", *skip);
      return true;
    }
    const bool is_named = !function.short_name.empty() || !function.name.empty();
    std::string kept =
        is_named ? grouping_name(function.short_name.empty() ? function.name : function.short_name)
                 : unnamed(frame);
    if (kept.empty()) {
      step(SignatureStep::Action::kSkipped, frame, to_hex(frame.pc), "",
           "skipped: neither a name nor a module");
      return true;
    }
    if (closes_cycle(kept)) {
      step(SignatureStep::Action::kFolded, frame, function.name, kept,
           "folded: the recursion is told once");
      return true;
    }
    if (frames_.size() == Signature::kMaxFrames) {
      step(SignatureStep::Action::kStopped, frame, function.name, "",
           "stopped: five functions are enough");
      return false;
    }
    const std::string shown =
        is_named ? (function.short_name.empty() ? function.name : function.short_name) : kept;
    step(SignatureStep::Action::kKept, frame, is_named ? function.name : to_hex(frame.pc), kept,
         skip ? "kept: nothing but libraries is on this stack"
              : (is_named ? "kept" : "kept by build-id and offset: no symbols"));
    has_unnamed_ |= !is_named;
    to_read_.push_back(shown + place_of(frame, function));
    frames_.push_back(std::move(kept));
    return true;
  }

  // Whether `name` repeats what the kept frames end with, as the next function of a round of up to
  // kLongestCycle.
  bool closes_cycle(const std::string& name) const {
    const size_t first = frames_.size() > kLongestCycle ? frames_.size() - kLongestCycle : 0;
    return std::find(frames_.begin() + static_cast<std::ptrdiff_t>(first), frames_.end(), name) !=
           frames_.end();
  }

  void step(SignatureStep::Action action, const FrameFact& frame, std::string input,
            std::string output, std::string reason) {
    steps_.push_back({action, frame.index, std::move(input), std::move(output), std::move(reason)});
  }

  void grade(Signature& signature) const {
    signature.confidence = "high";
    if (signature.frames.empty()) {
      signature.confidence = "low";
      signature.why_not_high =
          "no function of the stack could be named: only the kind of fault is told";
    } else if (stack_.corrupt) {
      signature.confidence = "low";
      signature.why_not_high = "the stack was damaged: what is on it may not be what was called";
    } else if (has_unnamed_) {
      signature.confidence = "medium";
      signature.why_not_high =
          "functions without symbols are told by build-id and offset: another build gives another "
          "signature";
    } else if (only_libraries_) {
      signature.confidence = "medium";
      signature.why_not_high = "only library functions are on the stack";
    }
  }

  const StackFacts& stack_;
  size_t in_handler_;  // frames
  std::vector<std::string> frames_, to_read_;
  std::vector<SignatureStep> steps_;
  bool has_unnamed_ = false, only_libraries_ = false;
};

}  // namespace

std::string_view to_string(SignatureStep::Action action) {
  switch (action) {
    case SignatureStep::Action::kKept:
      return "kept";
    case SignatureStep::Action::kSkipped:
      return "skipped";
    case SignatureStep::Action::kFolded:
      return "folded";
    case SignatureStep::Action::kStopped:
      return "stopped";
  }
  return "";
}

std::string Signature::title() const {
  return frames.empty() ? fault : fmt::format("{} | {}", fault, fmt::join(frames, " | "));
}

Signature sign(const Facts& facts) {
  Signature signature;
  if (has_script_frames(facts.crashing)) {
    choose_with_scripts(facts, signature);
  } else {
    signature.fault = fault_kind(facts);
    Chooser(facts).choose(signature);
  }
  signature.id = identify(signature);
  return signature;
}

}  // namespace inquest::diagnosis
