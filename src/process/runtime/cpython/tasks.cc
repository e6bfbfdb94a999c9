#include "process/runtime/cpython/tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_set>
#include <utility>

#include "process/runtime/cpython/coroutines.h"
#include "process/runtime/cpython/dicts.h"
#include "process/runtime/cpython/values.h"

namespace inquest::process::cpython {
namespace {

constexpr uint32_t kModuleDict = 16;  // PyModuleObject.md_dict
constexpr uint32_t kReferredTo = 16;  // PyWeakReference.wr_object
constexpr size_t kMaxTasksWithVariables = 100;

constexpr TaskLayout kTaskLayouts[] = {
    {6, 112, 56, 88, 96, std::nullopt}, {7, 136, 72, 104, 112, std::nullopt},
    {8, 144, 72, 104, 112, 120},        {9, 184, 80, 144, 152, 160},
    {10, 192, 88, 152, 160, 168},       {11, 176, 88, 128, 136, 144},
    {12, 176, 88, 128, 136, 144},       {13, 144, 96, 112, 120, 128}};
constexpr int32_t kPending = 0;

// What a task's own fields say.
struct TaskFields {
  Address coroutine, waiter, name;
  bool is_done = false;
};

class TaskReader {
 public:
  TaskReader(const Objects& objects, const Types& types, const Version& version,
             FrameReader& frames, const std::optional<TaskLists>& lists)
      : objects_(objects),
        types_(types),
        version_(version),
        frames_(frames),
        values_(objects, types, version),
        lists_(lists),
        layout_(lists ? std::optional(lists->task) : task_layout_of(version)) {}

  void collect(Address interpreter, Tasks& result) {
    const Status status = try_collect(interpreter, result);
    if (!status.ok())
      result.notes.push_back(fmt::format("tasks of asyncio: {}", status.error().message()));
  }

  // Of a PyInterpreterState or a PyThreadState, 3.14+.
  void collect_list(Address owner, uint32_t head_at, Tasks& result) {
    const Status status = try_collect_list(owner + head_at);
    if (!status.ok())
      result.notes.push_back(fmt::format("tasks of asyncio: {}", status.error().message()));
  }

  void tell(Tasks& result) {
    std::map<Address, RuntimeTask> told;
    std::map<Address, TaskFields> known;
    for (const Address task : tasks_) {
      RuntimeTask& into = told[task];
      const auto fields = fields_of(task);
      if (!fields.ok()) {
        into.gap = fields.error().message();
        continue;
      }
      known[task] = *fields;
      into.name = name_of(*fields);
    }
    size_t count = 0;
    for (const Address task : tasks_) {
      const auto fields = known.find(task);
      if (fields == known.end()) continue;
      describe(fields->second, told, count++ < kMaxTasksWithVariables, told[task]);
    }
    for (const Address task : tasks_) result.list.push_back(std::move(told[task]));
    // "Task-2" before "Task-10".
    std::stable_sort(result.list.begin(), result.list.end(), [](const auto& a, const auto& b) {
      const size_t left = a.name.size(), right = b.name.size();
      return left != right ? left < right : a.name < b.name;
    });
  }

 private:
  Status try_collect(Address interpreter, Tasks& result) {
    const Layout& layout = objects_.layout();
    if (!layout.interpreter_modules)
      return Error(ErrorCode::kUnsupported, "where this version keeps its modules is not known");
    INQ_TRY(const Address modules, objects_.pointer(interpreter, *layout.interpreter_modules));
    if (modules.is_null()) return {};
    INQ_TRY(const auto module, value_under(objects_, version_, modules, "asyncio.tasks"));
    if (!module) return {};
    INQ_TRY_STATUS(objects_.check_type(*module, "module"));
    INQ_TRY(const Address variables, objects_.pointer(*module, kModuleDict));
    INQ_TRY_STATUS(objects_.check_type(variables, "dict"));
    bool is_there = false;
    INQ_TRY(const DictEntries entries,
            entries_of(objects_, version_, variables, kMaxEntriesScanned));
    for (const DictEntry& entry : entries.list) {
      const auto name = objects_.text(entry.key);
      if (!name.ok()) continue;
      // Up to 3.11 one set of all; then those that were begun at once have a set of their own.
      const bool is_weak = *name == "_all_tasks" || *name == "_scheduled_tasks";
      if (!is_weak && *name != "_eager_tasks") continue;
      is_there = true;
      INQ_TRY_STATUS(is_weak ? add_weak(entry.value) : add_set(entry.value));
    }
    if (!is_there || (version_.is_at_least(14) && !lists_)) {
      result.notes.emplace_back(version_.minor == 6
                                    ? "tasks of asyncio: 3.6 keeps them where nothing leads to"
                                    : "tasks of asyncio: where this version keeps them is not "
                                      "known");
    }
    return {};
  }

  // The links of a list point to each other in both directions, and the last to the head.
  Status try_collect_list(Address head) {
    INQ_TRY(Address at, objects_.pointer(head, 0));
    Address before = head;
    for (size_t count = 0; at != head; ++count) {
      if (at.is_null() && count == 0) return {};  // not made yet
      if (count == kMaxTasks) return Error(ErrorCode::kTooLarge, "there are more than are read");
      INQ_TRY(const Address back, objects_.pointer(at, 8));
      if (back != before) {
        return Error(ErrorCode::kCorrupt,
                     fmt::format("the list of them is broken at {}", to_hex(at)));
      }
      const Address task(at.value - lists_->node);
      INQ_TRY(const Type* type, types_.of(task));
      if (type->kind != Kind::kTask) {
        return Error(ErrorCode::kCorrupt, fmt::format("{} is in the list of them, but of type {}",
                                                      to_hex(task), type->name));
      }
      add(task);
      before = at;
      INQ_TRY(at, objects_.pointer(at, 0));
    }
    return {};
  }

  void add(Address task) {
    if (tasks_.size() < kMaxTasks && seen_.insert(task).second) tasks_.push_back(task);
  }

  Status add_weak(Address set) {
    INQ_TRY(const auto data, field_under(objects_, types_, version_, set, "data"));
    if (!data) return Error(ErrorCode::kNotFound, "the set that should hold them has no data");
    return add_set(*data);
  }

  // Of tasks, or of weak references to them.
  Status add_set(Address set) {
    INQ_TRY_STATUS(objects_.check_type(set, "set"));
    INQ_TRY(const SetItems items, items_of(objects_, set, kMaxTasks));
    for (Address item : items.list) {
      const auto type = types_.of(item);
      if (type.ok() && (*type)->kind == Kind::kWeakReference) {
        const auto referred = objects_.pointer(item, kReferredTo);
        if (!referred.ok()) continue;
        item = *referred;
      }
      // The one that it referred to is gone: None.
      const auto of = types_.of(item);
      if (of.ok() && (*of)->kind == Kind::kNone) continue;
      add(item);
    }
    return {};
  }

  Result<TaskFields> fields_of(Address task) const {
    INQ_TRY(const Type* type, types_.of(task));
    if (type->kind != Kind::kTask) return python_fields(task, *type);
    const auto& layout = layout_;
    if (!layout || type->basic_size < layout->size ||
        (type->name == "_asyncio.Task" && type->basic_size != layout->size))
      return Error(ErrorCode::kUnsupported, "how this version lays out a task is not known");
    TaskFields fields;
    INQ_TRY(fields.coroutine, objects_.pointer(task, layout->coroutine));
    INQ_TRY(fields.waiter, objects_.pointer(task, layout->waiter));
    if (layout->name) {
      INQ_TRY(fields.name, objects_.pointer(task, *layout->name));
    }
    INQ_TRY(const int32_t state, objects_.field<int32_t>(task, layout->state));
    if (state < 0 || state > 2)
      return Error(ErrorCode::kCorrupt, fmt::format("{} is no state of a task", state));
    fields.is_done = state != kPending;
    return fields;
  }

  // asyncio.tasks._PyTask, and what others made that keeps to its names.
  Result<TaskFields> python_fields(Address task, const Type& type) const {
    const auto get = [&](std::string_view name) {
      const auto value = field_under(objects_, types_, version_, task, name);
      return value.ok() && *value ? **value : Address();
    };
    TaskFields fields{
        .coroutine = get("_coro"), .waiter = get("_fut_waiter"), .name = get("_name")};
    if (fields.coroutine.is_null()) {
      return Error(ErrorCode::kUnsupported,
                   fmt::format("a task of type {} is not known", type.name));
    }
    const auto waits_for = types_.of(fields.waiter);
    if (waits_for.ok() && (*waits_for)->kind == Kind::kNone) fields.waiter = {};
    const auto state = objects_.text(get("_state"));
    fields.is_done = state.ok() && *state != "PENDING";
    return fields;
  }

  // From 3.12 on the name may be a number that nobody asked to be told yet.
  std::string name_of(const TaskFields& fields) {
    if (fields.name.is_null()) return {};
    if (auto text = objects_.text(fields.name); text.ok()) return *std::move(text);
    RuntimeVariable number;
    values_.show(fields.name, number);
    return number.type == "int" ? "Task-" + number.text : std::string();
  }

  void describe(const TaskFields& fields, const std::map<Address, RuntimeTask>& all,
                bool with_variables, RuntimeTask& task) {
    AwaitingChain chain =
        awaiting_chain(objects_, types_, version_, frames_, fields.coroutine, with_variables);
    std::reverse(chain.frames.begin(), chain.frames.end());
    task.frames = std::move(chain.frames);
    task.gap = std::move(chain.gap);
    if (fields.is_done || chain.state == CoroutineState::kFinished) {
      task.state = "done";
    } else if (chain.state == CoroutineState::kRunning) {
      task.state = "running";
    } else if (chain.state == CoroutineState::kCreated) {
      task.state = "not started";
    } else if (chain.state == CoroutineState::kSuspended) {
      task.state = fields.waiter.is_null() ? "ready" : "waiting";
    }
    if (fields.waiter.is_null()) return;
    const auto other = all.find(fields.waiter);
    if (other != all.end() && !other->second.name.empty()) {
      task.awaits = "task " + other->second.name;
      return;
    }
    const auto type = types_.of(fields.waiter);
    task.awaits =
        fmt::format("{} at {}", type.ok() ? (*type)->name : "what", to_hex(fields.waiter));
  }

  const Objects& objects_;
  const Types& types_;
  Version version_;
  FrameReader& frames_;
  Values values_;
  std::optional<TaskLists> lists_;
  std::optional<TaskLayout> layout_;
  std::vector<Address> tasks_;
  std::unordered_set<Address> seen_;
};

}  // namespace

std::optional<TaskLayout> task_layout_of(const Version& version) {
  for (const TaskLayout& layout : kTaskLayouts) {
    if (version.major == 3 && layout.minor == version.minor) return layout;
  }
  return std::nullopt;
}

Tasks read_tasks(const Objects& objects, const Types& types, const Version& version,
                 FrameReader& frames, const ThreadStates& threads,
                 const std::optional<TaskLists>& lists) {
  Tasks result;
  TaskReader reader(objects, types, version, frames, lists);
  for (const Address interpreter : threads.interpreters) {
    reader.collect(interpreter, result);
    if (lists) reader.collect_list(interpreter, lists->interpreter_head, result);
  }
  if (lists) {
    for (const ThreadState& thread : threads.states)
      reader.collect_list(thread.address, lists->thread_head, result);
  }
  reader.tell(result);
  return result;
}

}  // namespace inquest::process::cpython
