// The tasks of asyncio: all that the process had, what each awaits, and who awaits it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "process/runtime/cpython/frames.h"
#include "process/runtime/cpython/objects.h"
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

struct Tasks {
  std::vector<RuntimeTask> list;   // by name
  std::vector<std::string> notes;  // what could not be read
};

// Of the interpreters given. They are found through the modules that are loaded; without asyncio
// there are none.
Tasks read_tasks(const Objects& objects, const Types& types, const Version& version,
                 FrameReader& frames, const std::vector<Address>& interpreters);

}  // namespace inquest::process::cpython
