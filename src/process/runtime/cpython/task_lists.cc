#include "process/runtime/cpython/task_lists.h"

#include <algorithm>
#include <array>

#include "base/cursor.h"
#include "binary/elf/file.h"

namespace inquest::process::cpython {
namespace {

constexpr std::string_view kSection = ".AsyncioDebug";
constexpr size_t kWords = 13;
constexpr uint64_t kSize = kWords * sizeof(uint64_t);
constexpr uint64_t kMaxTaskSize = 4096, kMaxThreadSize = 1 << 20;

bool is_place(uint64_t offset, uint64_t bytes, uint64_t size) {
  return offset % sizeof(uint64_t) == 0 && offset < size && bytes <= size - offset;
}

class Finder {
 public:
  Finder(const ProcessImage& image, const ModuleSet& modules, const Layout& layout)
      : image_(image), memory_(modules.memory()), layout_(layout) {}

  std::optional<TaskLists> in(const Module& module) {
    const elf::File* file = module.binary();
    const auto* section = file != nullptr ? file->find_section(kSection) : nullptr;
    if (section != nullptr) return at(module.to_process(section->address));
    return by_scan(module);
  }

 private:
  std::optional<TaskLists> at(Address address) const {
    Bytes bytes(kSize);
    bytes.resize(memory_.read(address, bytes).size);
    return read_task_lists(bytes, layout_);
  }

  // The size of the interpreter's state stands in the midst of it: few words of a process are that.
  std::optional<TaskLists> by_scan(const Module& module) {
    for (const Mapping& mapping : image_.mappings) {
      if (mapping.path != module.path || !mapping.protection || !mapping.protection->write)
        continue;
      for (Address page = mapping.range.start; page < mapping.range.end && left_ > 0;) {
        const ByteView bytes = memory_.view(page, std::min(left_, mapping.range.end - page));
        for (uint64_t offset = 0; offset + kSize <= bytes.size(); offset += sizeof(uint64_t)) {
          if (load<uint64_t>(bytes, offset + 7 * sizeof(uint64_t)) != layout_.interpreter_size)
            continue;
          if (auto found = read_task_lists(bytes.subspan(offset), layout_)) return found;
        }
        left_ -= bytes.size();
        page = bytes.empty() ? page.page() + 0x1000 : page + bytes.size();
      }
    }
    return std::nullopt;
  }

  const ProcessImage& image_;
  const MemoryReader& memory_;
  const Layout& layout_;
  uint64_t left_ = kMaxScanned;
};

}  // namespace

std::optional<TaskLists> read_task_lists(ByteView bytes, const Layout& layout) {
  Cursor cursor(bytes);
  std::array<uint64_t, kWords> words{};
  for (uint64_t& word : words) word = cursor.u64();
  if (!cursor.ok()) return std::nullopt;
  const auto [size, name, awaited_by, is_task, awaited_by_is_set, coroutine, node, interpreter_size,
              interpreter_head, thread_size, loop, running, thread_head] = words;
  const uint64_t link = 2 * sizeof(uint64_t);
  const bool is_sound =
      interpreter_size == layout.interpreter_size && size <= kMaxTaskSize &&
      thread_size <= kMaxThreadSize && is_place(name, 8, size) && is_place(node, link, size) &&
      is_place(interpreter_head, link, interpreter_size) && is_place(loop, 8, thread_size) &&
      is_place(running, 8, thread_size) && is_place(thread_head, link, thread_size);
  // What is not told lies between what is: behind who awaits it the state (a word of it), some
  // flags, and what it waits for. Measured in 3.14.10 and 3.15.2.
  const bool is_as_measured = awaited_by < size && is_task == awaited_by + 12 &&
                              awaited_by_is_set == awaited_by + 13 &&
                              coroutine == awaited_by + 32 && name == coroutine + 8;
  if (!is_sound || !is_as_measured) return std::nullopt;
  const auto narrow = [](uint64_t value) { return static_cast<uint32_t>(value); };
  return TaskLists{.task = {.minor = 0,
                            .size = narrow(size),
                            .state = narrow(awaited_by + 8),
                            .waiter = narrow(coroutine - 8),
                            .coroutine = narrow(coroutine),
                            .name = narrow(name)},
                   .node = narrow(node),
                   .interpreter_head = narrow(interpreter_head),
                   .thread_head = narrow(thread_head)};
}

std::optional<TaskLists> find_task_lists(const ProcessImage& image, const ModuleSet& modules,
                                         const Found& found) {
  if (found.layout.interpreter_size == 0) return std::nullopt;
  Finder finder(image, modules, found.layout);
  for (const auto& module : modules.all()) {
    if (!module->name.starts_with("_asyncio.")) continue;
    if (auto lists = finder.in(*module)) return lists;
  }
  // It may be a part of the interpreter.
  const Module* own = modules.find(found.interpreters);
  return own != nullptr ? finder.in(*own) : std::nullopt;
}

}  // namespace inquest::process::cpython
