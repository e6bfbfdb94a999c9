#include <algorithm>
#include <iterator>
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
    for (size_t i = 0; i < stack_.frames.size(); ++i) {
      const Frame& frame = stack_.frames[i];
      if (!frame.cfa) continue;
      const auto low = frame.registers.sp() ? frame.registers.sp() : below;
      if (low && *low <= at && at < *frame.cfa) return is_loop_[i] ? i : kNotFound;
      // Frames that are not kept lie between the two.
      if (below && low && *below <= at && at < *low) return kFolded;
      below = frame.cfa;
    }
    return kNotFound;
  }

 private:
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

// Where each activation belongs. Empty: they do not fit.
std::vector<size_t> places(const std::vector<Activation>& activations, const Stack& stack,
                           const std::vector<bool>& is_loop) {
  std::vector<size_t> found;
  if (any_on_stack(activations)) {
    const FrameFinder finder(stack, is_loop);
    for (const Activation& activation : activations)
      found.push_back(activation.on_stack ? finder.find(*activation.on_stack) : kNotFound);
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

}  // namespace

RuntimeStack fit(std::vector<Activation> activations, const Stack& stack,
                 const std::vector<bool>& is_loop, std::string_view language) {
  RuntimeStack result;
  for (const Activation& activation : activations) result.total_frames += activation.frames.size();
  if (activations.empty()) return result;
  const std::vector<size_t> found = places(activations, stack, is_loop);
  if (found.empty()) {
    const auto loops = std::count(is_loop.begin(), is_loop.end(), true);
    result.notes.push_back("the native stack shows " + std::to_string(loops) +
                           " calls of the interpreter, the " + std::string(language) + " stack " +
                           std::to_string(activations.size()) + ": the two are listed apart");
    for (Activation& activation : activations) append(result.apart, activation.frames);
    return result;
  }
  size_t folded = 0;
  for (size_t i = 0; i < activations.size(); ++i) {
    std::vector<RuntimeFrame>& frames = activations[i].frames;
    if (found[i] == kFolded) {
      folded += frames.size();
    } else if (found[i] == kNotFound) {
      append(result.apart, frames);
    } else if (!result.claims.empty() && result.claims.back().frame == found[i]) {
      append(result.claims.back().frames, frames);
    } else {
      result.claims.push_back({found[i], std::move(frames)});
    }
  }
  if (folded > 0) {
    result.notes.push_back(std::to_string(folded) + " " + std::string(language) +
                           " frames are in the rounds of the recursion that are not shown");
  }
  if (!result.apart.empty()) {
    result.notes.push_back("the native frames of " + std::to_string(result.apart.size()) + " " +
                           std::string(language) + " frames were not found: they are listed apart");
  }
  return result;
}

}  // namespace inquest::process
