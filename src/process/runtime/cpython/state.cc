#include "process/runtime/cpython/state.h"

#include <fmt/format.h>

#include <algorithm>

namespace inquest::process::cpython {
namespace {

constexpr size_t kMaxMessage = 200;  // bytes

std::optional<Address> current_thread(const Objects& objects, const Found& found) {
  if (!found.current_thread) return std::nullopt;
  const auto state = objects.pointer(*found.current_thread, 0);
  return state.ok() && !state->is_null() ? std::optional(*state) : std::nullopt;
}

// Who holds the lock of an interpreter that has one of its own (3.12+).
std::optional<Address> lock_holder(const Objects& objects, Address interpreter) {
  const Layout& layout = objects.layout();
  if (!layout.interpreter_lock || !layout.lock_holder || !layout.lock_is_locked)
    return std::nullopt;
  const auto lock = objects.pointer(interpreter, *layout.interpreter_lock);
  if (!lock.ok() || lock->is_null()) return std::nullopt;
  const auto locked = objects.field<int32_t>(*lock, *layout.lock_is_locked);
  const auto holder = objects.pointer(*lock, *layout.lock_holder);
  if (!locked.ok() || *locked != 1 || !holder.ok() || holder->is_null()) return std::nullopt;
  return *holder;
}

bool is_collecting(const Objects& objects, Address at) {
  const auto flag = objects.field<int32_t>(at, 0);
  return flag.ok() && *flag == 1;
}

// str(exception) as far as it is its only argument.
std::string message_of(const Objects& objects, Address exception) {
  const Layout& layout = objects.layout();
  const auto arguments = objects.pointer(exception, layout.exception_arguments);
  if (!arguments.ok() || arguments->is_null() || !objects.check_type(*arguments, "tuple").ok())
    return {};
  const auto size = objects.field<uint64_t>(*arguments, layout.tuple_size);
  if (!size.ok() || *size != 1) return {};
  const auto first = objects.pointer(*arguments, layout.tuple_items);
  if (!first.ok() || first->is_null()) return {};
  auto text = objects.text(*first);
  return text.ok() ? *std::move(text) : std::string();
}

std::string cut(std::string text) {
  if (text.size() <= kMaxMessage) return text;
  size_t end = kMaxMessage;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

}  // namespace

ProcessState read_process_state(const Objects& objects, const Found& found,
                                const ThreadStates& threads, const ProcessImage& image) {
  ProcessState state;
  const auto add = [&](const std::optional<Address>& holder) {
    if (holder && std::find(state.lock_holders.begin(), state.lock_holders.end(), *holder) ==
                      state.lock_holders.end())
      state.lock_holders.push_back(*holder);
  };
  add(current_thread(objects, found));
  const Layout& layout = objects.layout();
  bool collecting = found.runtime && layout.runtime_collecting &&
                    is_collecting(objects, *found.runtime + *layout.runtime_collecting);
  for (const Address interpreter : threads.interpreters) {
    add(lock_holder(objects, interpreter));
    if (layout.interpreter_collecting)
      collecting |= is_collecting(objects, interpreter + *layout.interpreter_collecting);
  }
  for (const ThreadState& thread : threads.states) {
    if (std::find(state.lock_holders.begin(), state.lock_holders.end(), thread.address) !=
        state.lock_holders.end()) {
      state.statements.push_back(
          fmt::format("thread {} held Python's global interpreter lock (GIL)",
                      image.threads[thread.thread].tid));
    }
  }
  if (collecting) state.statements.emplace_back("Python's garbage collector was running");
  if (threads.interpreters.size() > 1) {
    state.statements.push_back(
        fmt::format("there were {} Python interpreters", threads.interpreters.size()));
  }
  return state;
}

// Up to 3.11 the type and the value stand apart, and the value may be the message alone.
std::string exception_in_flight(const Objects& objects, Address thread) {
  const Layout& layout = objects.layout();
  if (!layout.thread_exception_value) return {};
  const auto value = objects.pointer(thread, *layout.thread_exception_value);
  Result<std::string> type = Error(ErrorCode::kNotFound, "");
  if (layout.thread_exception_type) {
    const auto at = objects.pointer(thread, *layout.thread_exception_type);
    if (!at.ok() || at->is_null()) return {};
    type = objects.name_of_type(*at);
  } else if (value.ok() && !value->is_null()) {
    type = objects.type_of(*value);
  }
  if (!type.ok() || type->empty()) return {};
  if (!value.ok() || value->is_null()) return *type;
  std::string message;
  if (auto text = objects.text(*value); text.ok()) {
    message = *std::move(text);
  } else if (objects.type_of(*value).ok() && *objects.type_of(*value) == *type) {
    message = message_of(objects, *value);
  }
  return message.empty() ? *type : fmt::format("{}: {}", *type, cut(std::move(message)));
}

}  // namespace inquest::process::cpython
