#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "process/runtime/runtime.h"

namespace inquest::process {
namespace {

constexpr size_t kFolded = SIZE_MAX;  // its native frame is in a folded round of a recursion
constexpr size_t kNotFound = SIZE_MAX - 1;

// Which native frame holds a place of the stack.
class FrameFinder {
 public:
  FrameFinder(const Stack& stack, const std::vector<bool>& is_loop)
      : stack_(stack), is_loop_(is_loop) {}

  size_t find(Address at) const {
    std::optional<Address> below;  // where the frames before this one end
    bool gap = false;              // frames that are not kept, or not in place, lie between
    for (size_t i = 0; i < stack_.frames.size(); ++i) {
      const Frame& frame = stack_.frames[i];
      gap = gap || is_behind_gap(i);
      if (!frame.cfa) continue;
      const auto low = frame.registers.sp() ? frame.registers.sp() : below;
      if (low && *low <= at && at < *frame.cfa) return is_loop_[i] ? i : kNotFound;
      if (gap && below && low && *below <= at && at < *low) return kFolded;
      below = frame.cfa;
      gap = false;
    }
    return kNotFound;
  }

 private:
  // Do frames that are not kept lie right before frame i?
  bool is_behind_gap(size_t i) const {
    const bool folded =
        stack_.cycle && stack_.cycle->count > 1 && i == stack_.cycle->first + stack_.cycle->period;
    return folded || (stack_.omitted && i == stack_.omitted->before);
  }

  const Stack& stack_;
  const std::vector<bool>& is_loop_;
};

// The frames of the interpreter's loop, folded ones as kFolded; nullopt when some are left out and
// nobody knows how many.
std::optional<std::vector<size_t>> loops_in_order(const Stack& stack,
                                                  const std::vector<bool>& is_loop) {
  if (stack.omitted) return std::nullopt;
  std::vector<size_t> loops;
  for (size_t i = 0; i < stack.frames.size(); ++i) {
    if (is_loop[i]) loops.push_back(i);
    if (!stack.cycle || stack.cycle->count < 2) continue;
    const Cycle& cycle = *stack.cycle;
    if (i + 1 != cycle.first + cycle.period) continue;
    const auto first = is_loop.begin() + static_cast<std::ptrdiff_t>(cycle.first);
    const auto a_round = static_cast<size_t>(
        std::count(first, first + static_cast<std::ptrdiff_t>(cycle.period), true));
    loops.insert(loops.end(), a_round * (cycle.count - 1), kFolded);
  }
  return loops;
}

bool any_on_stack(const std::vector<Activation>& activations) {
  return std::any_of(activations.begin(), activations.end(),
                     [](const Activation& activation) { return activation.on_stack.has_value(); });
}

// A native stack may end early: then the outer ones are not found. In any other order it is not the
// stack that it seems to be.
bool is_in_order(const std::vector<size_t>& found) {
  size_t last = 0;
  for (const size_t frame : found) {
    if (last == kNotFound && frame != kNotFound) return false;
    if (frame == kFolded) continue;
    if (frame < last) return false;
    last = frame;
  }
  return true;
}

// Where each activation belongs. Empty: they do not fit.
std::vector<size_t> places(const std::vector<Activation>& activations, const Stack& stack,
                           const std::vector<bool>& is_loop) {
  std::vector<size_t> found;
  if (any_on_stack(activations)) {
    const FrameFinder finder(stack, is_loop);
    for (const Activation& activation : activations)
      found.push_back(activation.on_stack ? finder.find(*activation.on_stack) : kNotFound);
    if (!is_in_order(found)) found.assign(found.size(), kNotFound);
    return found;
  }
  auto loops = loops_in_order(stack, is_loop);
  if (!loops) return {};
  // The innermost call of the loop may have faulted before it was entered in the run time's list,
  // as on a stack that overflowed.
  const bool just_entered = loops->size() == activations.size() + 1 && loops->front() <= 1 &&
                            stack.end == StackEnd::kComplete;
  if (just_entered) loops->erase(loops->begin());
  return loops->size() == activations.size() ? *std::move(loops) : std::vector<size_t>();
}

void append(std::vector<RuntimeFrame>& to, std::vector<RuntimeFrame>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// What the rounds of a recursion that are not kept executed. The outermost of them often differs
// from the others: the call that began it all looks alike to the machine. That is told, behind what
// the first round executes.
class FoldedFrames {
 public:
  explicit FoldedFrames(std::string_view language) : language_(language) {}

  void keep(const std::vector<RuntimeFrame>& frames) { told_.insert(names_of(frames)); }

  void add(std::vector<RuntimeFrame>& frames, RuntimeStack& result) {
    const bool fresh =
        !result.claims.empty() && told_.size() < kMaxTold && told_.insert(names_of(frames)).second;
    if (!fresh) {
      count_ += frames.size();
      since_ += frames.size();
      return;
    }
    std::vector<RuntimeFrame>& claim = result.claims.back().frames;
    if (since_ > 0)
      claim.push_back(
          {.gap = std::to_string(since_) + " frames of the recursion are left out here"});
    since_ = 0;
    append(claim, frames);
  }

  void tell(RuntimeStack& result) const {
    if (count_ == 0) return;
    result.notes.push_back(std::to_string(count_) + " " + std::string(language_) +
                           " frames are in the rounds of the recursion that are not shown");
  }

 private:
  static constexpr size_t kMaxTold = 64;  // kinds of rounds

  static std::string names_of(const std::vector<RuntimeFrame>& frames) {
    std::string names;
    for (const RuntimeFrame& frame : frames) names += frame.file + '\0' + frame.function + '\0';
    return names;
  }

  std::string_view language_;
  std::set<std::string> told_;
  size_t count_ = 0, since_ = 0;
};

}  // namespace

RuntimeStack fit(std::vector<Activation> activations, const Stack& stack,
                 const std::vector<bool>& is_loop, std::string_view language) {
  RuntimeStack result;
  for (const Activation& activation : activations) result.total_frames += activation.frames.size();
  if (activations.empty()) return result;
  const std::vector<size_t> found = places(activations, stack, is_loop);
  if (found.empty()) {
    const auto loops = loops_in_order(stack, is_loop);
    result.notes.push_back("the native stack shows " +
                           (loops ? std::to_string(loops->size()) : "an unknown number of") +
                           " calls of the interpreter, the " + std::string(language) + " stack " +
                           std::to_string(activations.size()) + ": the two are listed apart");
    for (Activation& activation : activations) append(result.apart, activation.frames);
    return result;
  }
  FoldedFrames folded(language);
  for (size_t i = 0; i < activations.size(); ++i) {
    std::vector<RuntimeFrame>& frames = activations[i].frames;
    if (found[i] == kFolded) {
      folded.add(frames, result);
      continue;
    }
    folded.keep(frames);
    if (found[i] == kNotFound) {
      append(result.apart, frames);
    } else if (!result.claims.empty() && result.claims.back().frame == found[i]) {
      append(result.claims.back().frames, frames);
    } else {
      result.claims.push_back({found[i], std::move(frames)});
    }
  }
  folded.tell(result);
  if (!result.apart.empty()) {
    result.notes.push_back("the native frames of " + std::to_string(result.apart.size()) + " " +
                           std::string(language) + " frames were not found: they are listed apart");
  }
  return result;
}

}  // namespace inquest::process
