#include "diagnosis/signature/signature.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/bytes.h"
#include "diagnosis/facts/roles.h"
#include "platform/codec/digest.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kIdDigits = 16;
constexpr size_t kLongestCycle = 8;  // functions in one round of a recursion that is still folded

// Allocators that stand in for the C library's: where they notice damage says nothing about who did
// it.
constexpr std::array<std::string_view, 5> kAllocatorLibraries = {
    "libjemalloc", "libtcmalloc", "libmimalloc", "libasan", "libgwp_asan"};

std::string_view base_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// Why a function is no part of what the bug is; nullopt when it is part of it.
std::optional<std::string> reason_to_skip(const FrameFact& frame, const FunctionFact& function) {
  switch (function.role) {
    case CodeRole::kAbort:
      return "skipped: the way from a failed check to the signal";
    case CodeRole::kSignal:
      return "skipped: signal delivery";
    case CodeRole::kLanguage:
      return "skipped: the language's own library";
    case CodeRole::kLibrary:
      if (is_c_library(frame.module) || is_c_library_function(function.short_name))
        return "skipped: the C library";
      if (is_cxx_runtime(frame.module)) return "skipped: the language's own library";
      break;
    default:
      break;
  }
  if (is_sanitizer_function(function)) return "skipped: the sanitizer that noticed it";
  for (const std::string_view library : kAllocatorLibraries) {
    if (base_name(frame.module).starts_with(library)) return "skipped: an allocator";
  }
  return std::nullopt;
}

// How a function without a name is told: the build and the place in it.
std::string unnamed(const FrameFact& frame) {
  if (frame.module.empty()) return {};
  if (!frame.build_id.empty()) return fmt::format("{}+{:#x}", frame.build_id, frame.module_offset);
  return fmt::format("{}+{:#x}", base_name(frame.module), frame.module_offset);
}

std::string place_of(const FrameFact& frame, const FunctionFact& function) {
  if (!function.file.empty() && function.line != 0)
    return fmt::format(" at {}:{}", function.file, function.line);
  if (!frame.module.empty()) return fmt::format(" in {}", base_name(frame.module));
  return {};
}

// The chosen functions, while they are being chosen.
class Chooser {
 public:
  explicit Chooser(const StackFacts& stack) : stack_(stack) {}

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
    for (const FrameFact& frame : stack_.frames) {
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
  std::vector<std::string> frames_, to_read_;
  std::vector<SignatureStep> steps_;
  bool has_unnamed_ = false, only_libraries_ = false;
};

std::string identify(const Signature& signature) {
  std::string text =
      fmt::format("inquest signature {}\n{}\n", Signature::kVersion, signature.fault);
  for (const std::string& frame : signature.frames) text += frame + "\n";
  const ByteView bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  return codec::to_hex(codec::sha256(bytes)).substr(0, kIdDigits);
}

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
  signature.fault = fault_kind(facts);
  Chooser(facts.crashing).choose(signature);
  signature.id = identify(signature);
  return signature;
}

}  // namespace inquest::diagnosis
