// The tasks of asyncio: all that the process had, what each awaits, and who awaits it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "process/runtime/cpython/frames.h"
#include "process/runtime/cpython/objects.h"
#include "process/runtime/cpython/threads.h"
#include "process/runtime/cpython/types.h"
#include "process/runtime/runtime.h"

namespace inquest::process::cpython {

inline constexpr size_t kMaxTasks = 2000;

// TaskObj of Modules/_asynciomodule.c, which is in no header: measured in the interpreters that
// layout.h names. In bytes; nullopt: the version is not known.
struct TaskLayout {
  uint32_t minor, size, state, waiter, coroutine;
  Offset name;
};
std::optional<TaskLayout> task_layout_of(const Version& version);

// From 3.14 on (task_lists.h): lists of links, which lie within the tasks.
struct TaskLists {
  TaskLayout task;
  uint32_t node;                           // within a task
  uint32_t interpreter_head, thread_head;  // within a PyInterpreterState, a PyThreadState
};

struct Tasks {
  std::vector<RuntimeTask> list;   // by name
  std::vector<std::string> notes;  // what could not be read
};

// Of all interpreters. They are found through the modules that are loaded, and through `lists`;
// without asyncio there are none.
Tasks read_tasks(const Objects& objects, const Types& types, const Version& version,
                 FrameReader& frames, const ThreadStates& threads,
                 const std::optional<TaskLists>& lists);

}  // namespace inquest::process::cpython
