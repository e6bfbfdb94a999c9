#include "process/runtime/cpython/threads.h"

#include <fmt/format.h>

#include <unordered_set>

namespace inquest::process::cpython {
namespace {

using Index = std::unordered_map<uint64_t, size_t>;

std::optional<size_t> look_up(const Index& index, const Result<uint64_t>& key) {
  if (!key.ok()) return std::nullopt;
  const auto at = index.find(*key);
  return at == index.end() ? std::nullopt : std::optional(at->second);
}

void read_list(const Objects& objects, Address interpreter, const NativeThreads& natives,
               ThreadStates& result) {
  const Layout& layout = objects.layout();
  auto state = objects.pointer(interpreter, layout.interpreter_threads);
  std::unordered_set<Address> seen;
  while (state.ok() && !state->is_null()) {
    if (!seen.insert(*state).second || result.states.size() + result.strangers >= kMaxThreads) {
      result.notes.emplace_back("CPython's list of threads has no end");
      return;
    }
    const auto owner = objects.pointer(*state, layout.thread_interpreter);
    if (!owner.ok() || *owner != interpreter) {
      result.notes.push_back(
          fmt::format("CPython's list of threads is broken at {}", to_hex(*state)));
      return;
    }
    if (const auto native = natives.find(objects, *state)) {
      result.states.push_back({*state, interpreter, *native});
    } else {
      ++result.strangers;
    }
    state = objects.pointer(*state, layout.thread_next);
  }
  if (!state.ok())
    result.notes.push_back(fmt::format("CPython's list of threads: {}", state.error().message()));
}

}  // namespace

// pthread_self() is the thread pointer on x86-64, with glibc and with musl. AArch64's lies before
// the thread pointer, by a distance that differs: there the kernel's number tells (3.11+).
NativeThreads::NativeThreads(const ProcessImage& image) {
  for (size_t i = 0; i < image.threads.size(); ++i) {
    const Thread& thread = image.threads[i];
    by_number_.emplace(static_cast<uint64_t>(thread.tid), i);
    if (image.arch != isa::Arch::kX86_64) continue;
    if (const auto base = thread.registers.get(isa::x86::kFsBase)) by_self_.emplace(*base, i);
  }
}

std::optional<size_t> NativeThreads::find(const Objects& objects, Address state) const {
  const Layout& layout = objects.layout();
  const auto self = objects.field<uint64_t>(state, layout.thread_pthread);
  if (const auto i = look_up(by_self_, self)) return i;
  if (!layout.thread_native) return std::nullopt;
  return look_up(by_number_, objects.field<uint64_t>(state, *layout.thread_native));
}

ThreadStates read_threads(const Objects& objects, Address interpreters,
                          const NativeThreads& natives) {
  ThreadStates result;
  std::unordered_set<Address> seen;
  auto interpreter = objects.pointer(interpreters, 0);
  while (interpreter.ok() && !interpreter->is_null()) {
    if (!seen.insert(*interpreter).second || result.interpreters.size() >= kMaxInterpreters) {
      result.notes.emplace_back("CPython's list of interpreters has no end");
      return result;
    }
    result.interpreters.push_back(*interpreter);
    read_list(objects, *interpreter, natives, result);
    interpreter = objects.pointer(*interpreter, objects.layout().interpreter_next);
  }
  if (!interpreter.ok()) {
    result.notes.push_back(
        fmt::format("CPython's list of interpreters: {}", interpreter.error().message()));
  }
  return result;
}

bool is_interpreter_of(const Objects& objects, Address address, const NativeThreads& natives) {
  const Layout& layout = objects.layout();
  const auto state = objects.pointer(address, layout.interpreter_threads);
  if (!state.ok() || state->is_null()) return false;
  const auto owner = objects.pointer(*state, layout.thread_interpreter);
  return owner.ok() && *owner == address && natives.find(objects, *state).has_value();
}

}  // namespace inquest::process::cpython
