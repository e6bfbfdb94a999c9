// For the tests and the fuzzer of this room: values of a CPython, in the layout of each version.
#pragma once

#include <bit>
#include <string_view>
#include <utility>
#include <vector>

#include "process/runtime/cpython/fake_cpython_test_util.h"
#include "process/runtime/cpython/tasks.h"

namespace inquest::process::cpython {

class FakeValues {
 public:
  explicit FakeValues(FakePython& fake) : fake_(fake) {}

  using Pairs = std::vector<std::pair<uint64_t, uint64_t>>;

  uint64_t number(int64_t value) {
    const uint64_t at = fake_.object("int", 0x20);
    const uint64_t size = value == 0 ? 0 : 1;
    const uint64_t magnitude =
        value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
    if (fake_.version.is_at_least(12)) {
      fake_.put(at + 16, size << 3 | (value < 0 ? 2 : value == 0 ? 1 : 0));
    } else {
      fake_.put(at + 16, value < 0 ? 0 - size : size);
    }
    fake_.put(at + 24, magnitude, 4);
    return at;
  }
  uint64_t none() { return fake_.object("NoneType", 0x10); }
  uint64_t list(const std::vector<uint64_t>& items) {
    const uint64_t at = fake_.object("list", 0x28), array = fake_.take(items.size() * 8 + 8);
    fake_.put(at + 16, items.size());
    fake_.put(at + 24, array);
    for (size_t i = 0; i < items.size(); ++i) fake_.put(array + i * 8, items[i]);
    return at;
  }
  uint64_t tuple(const std::vector<uint64_t>& items) {
    const uint64_t at = fake_.object("tuple", 0x20 + items.size() * 8);
    fake_.put(at + fake_.layout.tuple_size, items.size());
    for (size_t i = 0; i < items.size(); ++i)
      fake_.put(at + fake_.layout.tuple_items + i * 8, items[i]);
    return at;
  }
  uint64_t set(const std::vector<uint64_t>& items) {
    const uint64_t at = fake_.object("set", 0xc8), table = fake_.take(8 * 16);
    fake_.put(at + 24, items.size());
    fake_.put(at + 32, 7);
    fake_.put(at + 40, table);
    for (size_t i = 0; i < items.size() && i < 8; ++i) {
      fake_.put(table + i * 16, items[i]);
      fake_.put(table + i * 16 + 8, 1);
    }
    return at;
  }
  // Keys with hashes and values of their own.
  uint64_t dict(const Pairs& entries) {
    const uint64_t at = fake_.object("dict", 0x30);
    const uint64_t held = keys(entries, true);
    fake_.put(at + 16, entries.size());
    fake_.put(at + 32, held);
    return at;
  }
  // Keys that are shared, values in the order of the keys.
  uint64_t split_dict(const Pairs& entries) {
    const uint64_t at = fake_.object("dict", 0x30);
    fake_.put(at + 16, entries.size());
    fake_.put(at + 32, keys(entries, false));
    fake_.put(at + 40, values(entries, fake_.take(0x200) + 0x100));
    return at;
  }
  uint64_t cell(uint64_t value) {
    const uint64_t at = fake_.object("cell", 0x20);
    fake_.put(at + 16, value);
    return at;
  }
  // Of a class of the program's own.
  uint64_t instance(std::string_view type_name, const Pairs& fields) {
    const uint64_t type = fake_.type(type_name);
    const uint64_t at = fake_.take(0x200) + 0x40;
    fake_.put(at + fake_.layout.object_type, type);
    uint64_t flags = 1 << 9;
    fake_.put(type + 32, 0x20);
    if (!fake_.version.is_at_least(11)) {
      fake_.put(type + 288, 16);  // tp_dictoffset
      fake_.put(at + 16, split_dict(fields));
    } else {
      flags |= 1 << 4;
      fake_.put(type + *fake_.layout.heap_type_keys, keys(fields, false));
      if (fake_.version.is_at_least(13)) {
        flags |= 1 << 2;
        values(fields, at + 0x20);
      } else if (fake_.version.minor == 12) {
        fake_.put(at - 24, values(fields, at + 0x100) - 1);
      } else {
        fake_.put(at - 32, values(fields, at + 0x100));
      }
    }
    fake_.put(type + 168, flags);
    return at;
  }
  // One that stands in `code` and awaits the object `awaited`.
  uint64_t coroutine(uint64_t code, uint64_t awaited) {
    const Layout& layout = fake_.layout;
    const uint64_t at = fake_.object("coroutine", 0x200);
    const bool is_old = layout.generator_frame.has_value();
    const uint64_t frame =
        is_old ? fake_.object("frame", 0x300) : at + *layout.generator_inner_frame;
    fake_.put(frame + layout.frame_code, fake_.marked(code));
    if (is_old) {
      fake_.put(at + *layout.generator_frame, frame);
      fake_.put(frame + layout.frame_instruction, 1, 4);
      fake_.put(frame + 0x2f0, awaited);
      if (layout.frame_stack_end) fake_.put(frame + *layout.frame_stack_end, frame + 0x2f8);
      if (layout.frame_stack) fake_.put(frame + *layout.frame_stack, frame + 0x2f0);
      if (layout.frame_stack_size) fake_.put(frame + *layout.frame_stack_size, 1, 4);
    } else {
      const uint64_t stack = frame + *layout.frame_values + 8;
      fake_.put(at + *layout.generator_state, fake_.version.is_at_least(15) ? 2 : 0xff, 1);
      fake_.put(frame + layout.frame_instruction, code + layout.code_instructions + 2);
      fake_.put(frame + *layout.frame_owner, 1, 1);
      fake_.put(stack, fake_.marked(awaited));
      if (fake_.version.is_at_least(15)) fake_.put(stack + 8, fake_.marked(0));
      if (layout.frame_stack_end)
        fake_.put(frame + *layout.frame_stack_end,
                  stack + (fake_.version.is_at_least(15) ? 16 : 8));
      if (layout.frame_stack_size) fake_.put(frame + *layout.frame_stack_size, 2, 4);
    }
    return at;
  }
  uint64_t task(std::string_view name, uint64_t coroutine_at, uint64_t waiter) {
    const auto lists = task_lists_of_fake(fake_.version.minor);
    const TaskLayout layout = lists ? lists->task : *task_layout_of(fake_.version);
    const uint64_t at = fake_.object("_asyncio.Task", layout.size);
    fake_.put(fake_.type("_asyncio.Task") + 32, layout.size);
    fake_.put(at + layout.coroutine, coroutine_at);
    fake_.put(at + layout.waiter, waiter);
    if (layout.name) fake_.put(at + *layout.name, fake_.text(name));
    return at;
  }
  // A list of the thread, the first before the others.
  void link_tasks(const TaskLists& lists, const std::vector<uint64_t>& tasks) {
    const uint64_t head = fake_.thread_state + lists.thread_head;
    uint64_t before = head;
    for (const uint64_t task_at : tasks) {
      fake_.put(before, task_at + lists.node);
      fake_.put(task_at + lists.node + 8, before);
      before = task_at + lists.node;
    }
    fake_.put(before, head);
    fake_.put(head + 8, before);
  }
  // sys.modules with asyncio.tasks, which knows `tasks`; the thread does from 3.14 on.
  void load_asyncio(const std::vector<uint64_t>& all_tasks) {
    const auto lists = task_lists_of_fake(fake_.version.minor);
    if (lists) link_tasks(*lists, all_tasks);
    const std::vector<uint64_t> tasks = lists ? std::vector<uint64_t>() : all_tasks;
    std::vector<uint64_t> references;
    for (const uint64_t task_at : tasks) {
      references.push_back(fake_.object("weakref", 0x40));
      fake_.put(references.back() + 16, task_at);
    }
    const uint64_t all = instance("WeakSet", {{fake_.text("data"), set(references)}});
    const uint64_t module = fake_.object("module", 0x40);
    fake_.put(module + 16, dict({{fake_.text("_all_tasks"), all}}));
    fake_.put(fake_.interpreter + *fake_.layout.interpreter_modules,
              dict({{fake_.text("asyncio.tasks"), module}}));
  }
  // Gives the code object variables, all of them arguments.
  void name_variables(uint64_t code, const std::vector<std::string_view>& names,
                      uint8_t kind = 0x20) {
    const Layout& layout = fake_.layout;
    std::vector<uint64_t> texts;
    for (const std::string_view name : names) texts.push_back(fake_.text(name));
    const uint64_t all = tuple(texts), nothing = tuple({});
    if (layout.code_all_names) {
      fake_.put(code + *layout.code_all_names, all);
      fake_.put(code + *layout.code_all_kinds, fake_.bytes(Bytes(names.size(), kind)));
    } else {
      fake_.put(code + *layout.code_variables, kind == 0x20 ? all : nothing);
      fake_.put(code + *layout.code_cells, kind == 0x20 ? nothing : all);
      fake_.put(code + *layout.code_free_variables, nothing);
    }
    fake_.put(code + *layout.code_arguments, names.size(), 4);
    fake_.put(code + *layout.code_keyword_arguments, 0, 4);
    fake_.put(code + *layout.code_flags, 3, 4);
  }
  void set_variable(uint64_t frame, size_t index, uint64_t value) {
    fake_.put(frame + *fake_.layout.frame_values + index * 8, fake_.marked(value));
  }

 private:
  uint64_t keys(const Pairs& entries, bool own) {
    constexpr uint64_t kLog2 = 4;
    const uint64_t at = fake_.take(0x200);
    const bool is_new = fake_.version.is_at_least(11);
    if (is_new) {
      fake_.put(at + 8, kLog2, 1);
      fake_.put(at + 9, kLog2, 1);
      fake_.put(at + 10, own ? 0 : 2, 1);
      fake_.put(at + 24, entries.size());
    } else {
      fake_.put(at + 8, uint64_t{1} << kLog2);
      fake_.put(at + 32, entries.size());
    }
    const uint64_t first = at + (is_new ? 32 : 40) + (uint64_t{1} << kLog2);
    const uint64_t size = own || !is_new ? 24 : 16;
    for (size_t i = 0; i < entries.size() && i < 12; ++i) {
      const uint64_t entry = first + i * size + (size == 24 ? 8 : 0);
      fake_.put(entry, entries[i].first);
      if (own) fake_.put(entry + 8, entries[i].second);
    }
    return at;
  }
  // The values of shared keys at `at`, which has room before it and behind.
  uint64_t values(const Pairs& entries, uint64_t at) {
    if (fake_.version.is_at_least(13)) {
      fake_.put(at, entries.size(), 1);      // places
      fake_.put(at + 1, entries.size(), 1);  // … in use
      fake_.put(at + 3, 1, 1);
      for (size_t i = 0; i < entries.size(); ++i) {
        fake_.put(at + 8 + i * 8, entries[i].second);
        fake_.put(at + 8 + entries.size() * 8 + i, i, 1);
      }
      return at;
    }
    if (fake_.version.is_at_least(11)) {
      fake_.put(at - 2, entries.size(), 1);
      for (size_t i = 0; i < entries.size(); ++i) fake_.put(at - 3 - i, i, 1);
    }
    for (size_t i = 0; i < entries.size(); ++i) fake_.put(at + i * 8, entries[i].second);
    return at;
  }

  FakePython& fake_;
};

}  // namespace inquest::process::cpython
