#include "process/runtime/cpython/cpython.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "process/runtime/cpython/find.h"
#include "process/runtime/cpython/frames.h"
#include "process/runtime/cpython/greenlets.h"
#include "process/runtime/cpython/known_types.h"
#include "process/runtime/cpython/objects.h"
#include "process/runtime/cpython/state.h"
#include "process/runtime/cpython/task_lists.h"
#include "process/runtime/cpython/tasks.h"
#include "process/runtime/cpython/threads.h"

namespace inquest::process::cpython {
namespace {

constexpr std::string_view kLanguage = "Python";

// The interpreter's loop, also as compilers cut it: "_PyEval_EvalFrameDefault.cold".
bool is_loop_name(std::string_view name) {
  constexpr std::string_view kLoop = "_PyEval_EvalFrameDefault";
  return name.starts_with(kLoop) && (name.size() == kLoop.size() || name[kLoop.size()] == '.');
}

// An extension module: "_asyncio.cpython-311-x86_64-linux-gnu.so".
bool has_module(const ModuleSet& modules, std::string_view start) {
  return std::any_of(modules.all().begin(), modules.all().end(),
                     [&](const auto& module) { return module->name.starts_with(start); });
}

// Does the thread run a loop of asyncio? Its module may be a part of the interpreter.
bool is_in_asyncio(const FrameChain& chain) {
  const auto is_it = [](const RuntimeFrame& frame) {
    return frame.file.find("/asyncio/") != std::string::npos;
  };
  return std::any_of(chain.activations.begin(), chain.activations.end(), [&](const auto& call) {
    return std::any_of(call.frames.begin(), call.frames.end(), is_it);
  });
}

class CPython final : public Runtime {
 public:
  CPython(const ProcessImage& image, const ModuleSet& modules, Found found)
      : image_(image),
        modules_(modules),
        found_(std::move(found)),
        module_(modules.find(found_.interpreters)),
        objects_(modules.memory(), found_.layout),
        types_(objects_, found_.version),
        frames_(objects_, types_, found_.version),
        threads_(read_threads(objects_, found_.interpreters, NativeThreads(image))) {
    for (const ThreadState& state : threads_.states) by_thread_[state.thread].push_back(&state);
    for (const std::string& note : threads_.notes) notes_.push_back({note, ""});
    if (threads_.interpreters.empty() && threads_.notes.empty())
      notes_.push_back({"CPython was not running yet, or no more: native frames only", ""});
    process_ = read_process_state(objects_, found_, threads_, image);
    has_asyncio_ = has_module(modules, "_asyncio.");
    learn_types(objects_, found_.version, threads_.interpreters, has_asyncio_);
    has_greenlets_ = has_module(modules, "_greenlet.");
  }

  std::string_view language() const override { return kLanguage; }
  std::string name() const override { return "CPython " + to_string(found_.version); }
  std::string found_by() const override { return found_.how; }
  const std::vector<RuntimeTask>& tasks() override {
    if (tasks_read_) return tasks_;
    tasks_read_ = true;
    if (has_asyncio_) read_asyncio();
    if (has_greenlets_) {
      Greenlets read = read_greenlets(objects_, types_, found_.version, frames_, threads_, image_);
      add(std::move(read.list), std::move(read.notes));
    }
    return tasks_;
  }
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
    has_asyncio_ = has_asyncio_ || is_in_asyncio(chain);
    const bool has_places = std::any_of(chain.activations.begin(), chain.activations.end(),
                                        [](const auto& call) { return call.on_stack.has_value(); });
    std::vector<bool> is_loop(stack.frames.size());
    for (size_t i = 0; i < is_loop.size() && i < functions.size(); ++i) {
      is_loop[i] = is_loop_name(functions[i]) ||
                   (has_places && functions[i].empty() && is_own(stack.frames[i]));
    }
    RuntimeStack result = fit(std::move(chain.activations), stack, is_loop, kLanguage);
    result.notes.insert(result.notes.end(), chain.notes.begin(), chain.notes.end());
    result.holds_lock = holds_lock(*states.front());
    result.exception = exception_in_flight(objects_, states.front()->address);
    return result;
  }

 private:
  void read_asyncio() {
    const auto lists =
        found_.version.is_at_least(14) ? find_task_lists(image_, modules_, found_) : std::nullopt;
    Tasks read = read_tasks(objects_, types_, found_.version, frames_, threads_, lists);
    add(std::move(read.list), std::move(read.notes));
  }
  void add(std::vector<RuntimeTask> tasks, std::vector<std::string> notes) {
    std::move(tasks.begin(), tasks.end(), std::back_inserter(tasks_));
    for (std::string& note : notes) notes_.push_back({std::move(note), ""});
  }
  // Compilers cut the loop in pieces, of which a stripped interpreter names one. Where the stack
  // tells which frame it is, a frame of the interpreter that has no name may be it, but none whose
  // own place was guessed.
  bool is_own(const Frame& frame) const {
    return module_ != nullptr && frame.trust != Trust::kLow &&
           module_->range.contains(frame.lookup_pc());
  }
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
  const ModuleSet& modules_;
  Found found_;
  const Module* module_;  // the interpreter's; nullptr: its variables are in none
  Objects objects_;
  Types types_;
  FrameReader frames_;
  ThreadStates threads_;
  ProcessState process_;
  std::map<size_t, std::vector<const ThreadState*>> by_thread_;  // by index of the thread
  std::vector<Note> notes_;
  bool has_greenlets_ = false;
  bool has_asyncio_ = false, tasks_read_ = false;
  std::vector<RuntimeTask> tasks_;
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
