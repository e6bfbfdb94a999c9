// Where CPython keeps the tasks of asyncio from 3.14 on: in lists of each thread and interpreter,
// as its module _asyncio describes them (Py_AsyncioModuleDebugOffsets of
// Modules/_asynciomodule.c, in a section of its own).
#pragma once

#include <optional>

#include "process/modules/modules.h"
#include "process/runtime/cpython/find.h"
#include "process/runtime/cpython/tasks.h"

namespace inquest::process::cpython {

// The words at the start of `bytes`; nullopt when they cannot be that of the interpreter whose own
// description gave `layout`.
std::optional<TaskLists> read_task_lists(ByteView bytes, const Layout& layout);

// Looks where the file of the module that holds _asyncio says, else through the data of that
// module. nullopt: it was not found.
std::optional<TaskLists> find_task_lists(const ProcessImage& image, const ModuleSet& modules,
                                         const Found& found);

}  // namespace inquest::process::cpython
