#include "process/runtime/v8/v8.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "process/runtime/v8/builtins.h"
#include "process/runtime/v8/find.h"
#include "process/runtime/v8/frames.h"
#include "process/runtime/v8/thrown.h"

namespace inquest::process::v8 {
namespace {

constexpr std::string_view kLanguage = "JavaScript";
constexpr std::string_view kBuiltinPrefix = "Builtins_";
constexpr size_t kMaxFrames = 1 << 16;         // of one thread
constexpr int32_t kFirstWithAllPositions = 8;  // V8 8.4 of Node.js 14 has them

class V8 final : public Runtime {
 public:
  V8(const ProcessImage& image, const ModuleSet& modules, Found found)
      : image_(image),
        modules_(modules),
        found_(std::move(found)),
        heap_(modules.memory(), found_.layout),
        reader_(heap_, found_.constants) {}

  std::string_view language() const override { return kLanguage; }
  std::string name() const override { return found_.name; }
  std::string found_by() const override { return found_.how; }
  const std::vector<std::string>& statements() const override { return no_statements_; }
  const std::vector<Note>& notes() const override { return no_notes_; }

  std::string code_name(Address pc) override {
    const Module* module = modules_.find(pc);
    if (module == nullptr || module->path != found_.module->path) return {};
    if (!std::exchange(builtins_searched_, true)) {
      auto builtins = Builtins::find(*found_.module->binary());
      if (builtins.ok()) builtins_ = *std::move(builtins);
    }
    const std::string_view name = builtins_ ? builtins_->name_at(module->to_link(pc)) : "";
    return name.empty() ? std::string() : fmt::format("{}{}", kBuiltinPrefix, name);
  }

  std::optional<RuntimeStack> claim(const Thread& /*thread*/, const Stack& stack,
                                    std::span<const std::string> functions) override {
    RuntimeStack result;
    std::set<Address> native;  // where the frames that are kept begin
    for (const Frame& frame : stack.frames) {
      if (const auto fp = frame.registers.fp()) native.insert(*fp);
    }
    for (size_t i = 0; i < stack.frames.size() && i < functions.size(); ++i) {
      const Frame& frame = stack.frames[i];
      const auto fp = frame.registers.fp();
      // A callee that sets up no frame of its own still has its caller's in the register.
      if (!fp || shares_frame(stack, i)) continue;
      const auto place = place_of(frame.pc, functions[i]);
      if (place == Place::kElsewhere) continue;
      auto frames = reader_.read(*fp, frame.pc, !frame.interrupted, place == Place::kBuiltin);
      if (!frames) continue;
      add_callers(*fp, native, result.total_frames, *frames);
      result.total_frames += frames->size();
      result.claims.push_back({.frame = i, .frames = *std::move(frames)});
      if (result.total_frames >= kMaxFrames) break;
    }
    if (result.claims.empty()) return std::nullopt;
    result.exception = exception_of(stack, functions, result.claims.front().frame);
    if (found_.layout.version.major < kFirstWithAllPositions) {
      result.notes.push_back(fmt::format(
          "{} works out some positions only when it prints a stack: columns may be those "
          "of a neighbour, and an inlined call may be missing",
          name()));
    }
    return result;
  }

 private:
  enum class Place : uint8_t { kBuiltin, kMadeCode, kElsewhere };

  // Where frames of JavaScript run: in V8's builtins, or in memory that V8 wrote code to.
  Place place_of(Address pc, std::string_view function) const {
    if (function.starts_with(kBuiltinPrefix)) return Place::kBuiltin;
    if (!function.empty()) return Place::kElsewhere;
    const Module* module = modules_.find(pc);
    if (module != nullptr)
      return module->path == found_.module->path ? Place::kBuiltin : Place::kElsewhere;
    const Mapping* mapping = image_.mapping_at(pc);
    if (mapping == nullptr || (mapping->protection && !mapping->protection->execute))
      return Place::kElsewhere;
    return Place::kMadeCode;
  }

  // That for which V8 ends the process, when it is asked to (--abort-on-uncaught-exception).
  std::string exception_of(const Stack& stack, std::span<const std::string> functions,
                           size_t first) const {
    const auto inner = functions.first(std::min(first, functions.size()));
    const auto low = stack.frames.front().registers.sp();
    const auto high = stack.frames[first].registers.fp();
    const bool throws = std::any_of(inner.begin(), inner.end(), throws_exception);
    if (!throws || inner.front() != "v8::base::OS::Abort" || !low || !high) return {};
    return thrown_between(heap_, reader_.functions(), *low, *high);
  }

  static bool shares_frame(const Stack& stack, size_t i) {
    return i + 1 < stack.frames.size() && stack.frames[i].registers.fp() &&
           stack.frames[i].registers.fp() == stack.frames[i + 1].registers.fp();
  }

  // Callers whose native frames are not kept: in V8's interpreter all functions look alike, and
  // many in a row are folded as one that calls itself.
  void add_callers(Address fp, const std::set<Address>& native, size_t already,
                   std::vector<RuntimeFrame>& frames) {
    while (already + frames.size() < kMaxFrames) {
      const auto caller = heap_.load<uint64_t>(fp);
      const auto pc = heap_.load<uint64_t>(fp + 8);
      if (!caller.ok() || !pc.ok() || Address(*caller) <= fp || native.contains(Address(*caller)))
        return;
      fp = Address(*caller);
      const Module* module = modules_.find(Address(*pc));
      const bool in_builtin = module != nullptr && module->path == found_.module->path;
      if (module != nullptr && !in_builtin) return;
      auto more = reader_.read(fp, Address(*pc), true, in_builtin);
      if (!more) return;
      std::move(more->begin(), more->end(), std::back_inserter(frames));
    }
  }

  const ProcessImage& image_;
  const ModuleSet& modules_;
  Found found_;
  Heap heap_;
  FrameReader reader_;
  bool builtins_searched_ = false;
  std::optional<Builtins> builtins_;
  const std::vector<std::string> no_statements_;
  const std::vector<Note> no_notes_;
};

}  // namespace

bool throws_exception(std::string_view function) {
  return function == "v8::internal::Isolate::CreateMessageOrAbort" ||
         function.starts_with("v8::internal::Isolate::Throw");  // before V8 9
}

RecognisedRuntime recognise(const ProcessImage& image, const ModuleSet& modules) {
  RecognisedRuntime result;
  auto found = find(modules);
  if (found.ok()) {
    result.runtime = std::make_unique<V8>(image, modules, *std::move(found));
  } else if (!found.error().message().empty()) {
    result.notes.push_back({found.error().message() + ": native frames only", ""});
  }
  return result;
}

}  // namespace inquest::process::v8
