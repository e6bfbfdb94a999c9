#include "process/runtime/cpython/known_types.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "process/runtime/cpython/dicts.h"

namespace inquest::process::cpython {
namespace {

constexpr uint32_t kModuleDict = 16;  // PyModuleObject.md_dict
constexpr uint32_t kFlags = 168;      // PyTypeObject.tp_flags
constexpr uint64_t kHeapType = 1 << 9, kTypeClass = uint64_t{1} << 31;
constexpr size_t kMaxModules = 400;  // that are looked at
constexpr size_t kMaxNames = 400;    // of one of them

struct Known {
  std::string_view module, key, type;
};
// In builtins: objects of which there is one, and a function.
constexpr std::array<Known, 4> kInstances = {{{"builtins", "None", "NoneType"},
                                              {"builtins", "Ellipsis", "ellipsis"},
                                              {"builtins", "NotImplemented", "NotImplementedType"},
                                              {"builtins", "len", "builtin_function_or_method"}}};
constexpr std::array<Known, 10> kTypes = {{{"types", "FunctionType", "function"},
                                           {"types", "GeneratorType", "generator"},
                                           {"types", "CoroutineType", "coroutine"},
                                           {"types", "AsyncGeneratorType", "async_generator"},
                                           {"types", "CellType", "cell"},
                                           {"types", "CodeType", "code"},
                                           {"types", "FrameType", "frame"},
                                           {"_weakref", "ref", "weakref"},
                                           {"_asyncio", "Task", "_asyncio.Task"},
                                           {"_asyncio", "Future", "_asyncio.Future"}}};

template <typename List>
std::optional<std::string_view> look_up(const List& list, std::string_view module,
                                        std::string_view key) {
  const auto* found = std::find_if(list.begin(), list.end(), [&](const Known& known) {
    return known.module == module && known.key == key;
  });
  return found == list.end() ? std::nullopt : std::optional(found->type);
}

class Teacher {
 public:
  Teacher(Objects& objects, const Version& version, bool has_asyncio)
      : objects_(objects), version_(version), has_asyncio_(has_asyncio) {}

  void learn(Address interpreter) {
    const Layout& layout = objects_.layout();
    if (!layout.interpreter_modules) return;
    const auto modules = objects_.pointer(interpreter, *layout.interpreter_modules);
    if (!modules.ok() || modules->is_null()) return;
    const auto entries = entries_of(objects_, version_, *modules, kMaxModules);
    if (!entries.ok()) return;
    int left = has_asyncio_ ? 4 : 3;
    for (const DictEntry& entry : entries->list) {
      const auto name = objects_.text(entry.key);
      if (!name.ok()) continue;
      const bool is_asyncio = *name == "_asyncio";
      if (*name != "builtins" && *name != "types" && *name != "_weakref" && !is_asyncio) continue;
      if (*name == "builtins") teach_type_of(entry.value, "module");
      learn_from(entry.value, *name);
      if (--left == 0) return;
    }
  }

 private:
  void learn_from(Address module, std::string_view name) {
    const auto variables = objects_.pointer(module, kModuleDict);
    if (!variables.ok() || variables->is_null()) return;
    const auto entries = entries_of(objects_, version_, *variables, kMaxNames);
    if (!entries.ok()) return;
    for (const DictEntry& entry : entries->list) {
      const auto key = objects_.text(entry.key);
      if (!key.ok()) continue;
      if (const auto instance = look_up(kInstances, name, *key)) {
        teach_type_of(entry.value, *instance);
      } else if (const auto type = look_up(kTypes, name, *key)) {
        teach(entry.value, *type, name == "_asyncio");
      } else if (name == "builtins") {
        teach(entry.value, *key, false);
      }
    }
  }

  void teach_type_of(Address object, std::string_view name) {
    const auto type = objects_.pointer(object, objects_.layout().object_type);
    if (type.ok()) teach(*type, name, false);
  }

  // Only a type that is the interpreter's own: a program may put its classes there too. Modules in
  // C make theirs when they are loaded (3.12+).
  void teach(Address object, std::string_view name, bool may_be_heap) {
    const auto meta = objects_.pointer(object, objects_.layout().object_type);
    if (!meta.ok() || meta->is_null()) return;
    const auto kind = objects_.field<uint64_t>(*meta, kFlags);
    if (!kind.ok() || (*kind & kTypeClass) == 0) return;
    const auto flags = objects_.field<uint64_t>(object, kFlags);
    if (flags.ok() && (may_be_heap || (*flags & kHeapType) == 0)) objects_.learn_type(object, name);
  }

  Objects& objects_;
  Version version_;
  bool has_asyncio_;
};

}  // namespace

void learn_types(Objects& objects, const Version& version, const std::vector<Address>& interpreters,
                 bool has_asyncio) {
  Teacher teacher(objects, version, has_asyncio);
  if (!interpreters.empty()) teacher.learn(interpreters.front());
}

}  // namespace inquest::process::cpython
