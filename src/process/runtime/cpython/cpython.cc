#include "process/runtime/cpython/cpython.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "process/runtime/cpython/find.h"
#include "process/runtime/cpython/frames.h"
#include "process/runtime/cpython/objects.h"
#include "process/runtime/cpython/state.h"
#include "process/runtime/cpython/threads.h"

namespace inquest::process::cpython {
namespace {

constexpr std::string_view kLanguage = "Python";

// The interpreter's loop, also as compilers cut it: "_PyEval_EvalFrameDefault.cold".
bool is_loop_name(std::string_view name) {
  constexpr std::string_view kLoop = "_PyEval_EvalFrameDefault";
  return name.starts_with(kLoop) && (name.size() == kLoop.size() || name[kLoop.size()] == '.');
}

class CPython final : public Runtime {
 public:
  CPython(const ProcessImage& image, const ModuleSet& modules, Found found)
      : image_(image),
        found_(std::move(found)),
        objects_(modules.memory(), found_.layout),
        frames_(objects_, found_.version),
        threads_(read_threads(objects_, found_.interpreters, NativeThreads(image))) {
    for (const ThreadState& state : threads_.states) by_thread_[state.thread].push_back(&state);
    for (const std::string& note : threads_.notes) notes_.push_back({note, ""});
    if (threads_.interpreters.empty() && threads_.notes.empty())
      notes_.push_back({"CPython was not running yet, or no more: native frames only", ""});
    process_ = read_process_state(objects_, found_, threads_, image);
  }

  std::string_view language() const override { return kLanguage; }
  std::string name() const override { return "CPython " + to_string(found_.version); }
  std::string found_by() const override { return found_.how; }
  const std::vector<std::string>& statements() const override { return process_.statements; }
  const std::vector<Note>& notes() const override { return notes_; }

  std::optional<RuntimeStack> claim(const Thread& thread, const Stack& stack,
                                    std::span<const std::string> functions) override {
    const std::vector<const ThreadState*> states = states_of(thread);
    if (states.empty()) return std::nullopt;
    FrameChain chain;
    for (const ThreadState* state : states) {
      FrameChain more = frames_.read(state->address);
      std::move(more.activations.begin(), more.activations.end(),
                std::back_inserter(chain.activations));
      chain.notes.insert(chain.notes.end(), more.notes.begin(), more.notes.end());
    }
    std::vector<bool> is_loop(stack.frames.size());
    for (size_t i = 0; i < is_loop.size() && i < functions.size(); ++i)
      is_loop[i] = is_loop_name(functions[i]);
    RuntimeStack result = fit(std::move(chain.activations), stack, is_loop, kLanguage);
    result.notes.insert(result.notes.end(), chain.notes.begin(), chain.notes.end());
    result.holds_lock = holds_lock(*states.front());
    result.exception = exception_in_flight(objects_, states.front()->address);
    return result;
  }

 private:
  bool holds_lock(const ThreadState& state) const {
    return std::find(process_.lock_holders.begin(), process_.lock_holders.end(), state.address) !=
           process_.lock_holders.end();
  }
  // A thread has a state in each interpreter that it ran, and an interpreter may have called
  // another: the one that holds the lock is what it runs now, then those that were made last, which
  // CPython has first.
  std::vector<const ThreadState*> states_of(const Thread& thread) const {
    const auto at = by_thread_.find(static_cast<size_t>(&thread - image_.threads.data()));
    if (at == by_thread_.end()) return {};
    std::vector<const ThreadState*> states = at->second;
    std::stable_partition(states.begin(), states.end(),
                          [&](const ThreadState* state) { return holds_lock(*state); });
    return states;
  }

  const ProcessImage& image_;
  Found found_;
  Objects objects_;
  FrameReader frames_;
  ThreadStates threads_;
  ProcessState process_;
  std::map<size_t, std::vector<const ThreadState*>> by_thread_;  // by index of the thread
  std::vector<Note> notes_;
};

}  // namespace

RecognisedRuntime recognise(const ProcessImage& image, const ModuleSet& modules) {
  RecognisedRuntime result;
  auto found = find(image, modules);
  if (found.ok()) {
    result.runtime = std::make_unique<CPython>(image, modules, *std::move(found));
  } else if (!found.error().message().empty()) {
    result.notes.push_back({found.error().message() + ": native frames only", ""});
  }
  return result;
}

}  // namespace inquest::process::cpython
