#include "process/runtime/cpython/find.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "binary/elf/file.h"
#include "process/runtime/cpython/objects.h"
#include "process/runtime/cpython/threads.h"

namespace inquest::process::cpython {
namespace {

// The variables that tell, as addresses in the process.
struct Symbols {
  std::optional<Address> runtime, version, interp_head, current_thread;
  bool any() const { return runtime || interp_head; }
};

bool has_python_name(const Module& module) {
  return module.name.starts_with("libpython3") || module.name.starts_with("python3");
}

// `libpython` in the name of a program's own library proves nothing: the version must follow.
std::vector<const Module*> candidates(const ModuleSet& modules) {
  std::vector<const Module*> found;
  for (const auto& module : modules.all()) {
    if (has_python_name(*module)) found.push_back(module.get());
  }
  // A program may hold the interpreter in itself under another name.
  const Module* main = modules.main();
  if (main != nullptr && std::find(found.begin(), found.end(), main) == found.end())
    found.push_back(main);
  return found;
}

Symbols symbols_of(const Module& module) {
  Symbols symbols;
  const elf::File* file = module.binary();
  if (file == nullptr) return symbols;
  const auto find = [&](std::string_view name) {
    const auto symbol = file->find_dynamic_symbol(name);
    return symbol ? std::optional(module.to_process(symbol->value)) : std::nullopt;
  };
  symbols.runtime = find("_PyRuntime");
  if (symbols.runtime) {
    symbols.version = find("Py_Version");
    return symbols;
  }
  // 3.6 keeps interp_head to itself.
  symbols.current_thread = find("_PyThreadState_Current");
  if (!symbols.current_thread) return symbols;
  file->for_each_symbol([&](const elf::Symbol& symbol) {
    if (symbol.name == "interp_head" && symbol.section != 0)
      symbols.interp_head = module.to_process(symbol.value);
    return !symbols.interp_head;
  });
  return symbols;
}

Found found_in(const Version& version, const Layout& layout, Address runtime, std::string how) {
  Found found{.version = version,
              .layout = layout,
              .runtime = runtime,
              .interpreters = runtime + layout.runtime_interpreters,
              .current_thread = std::nullopt,
              .how = std::move(how)};
  if (layout.runtime_current_thread)
    found.current_thread = runtime + *layout.runtime_current_thread;
  return found;
}

class Search {
 public:
  Search(const ProcessImage& image, const ModuleSet& modules)
      : image_(image), memory_(modules.memory()), natives_(image) {}

  Result<Found> in(const Module& module) const {
    const Symbols symbols = symbols_of(module);
    if (symbols.any()) return by_symbols(module, symbols);
    if (!has_python_name(module)) return Error(ErrorCode::kNotFound, "");
    return by_scan(module);
  }

 private:
  // Mutexes that lie before them have another size on AArch64.
  Layout for_this_machine(Layout layout) const {
    if (image_.arch == isa::Arch::kX86_64) return layout;
    layout.runtime_current_thread.reset();
    layout.runtime_collecting.reset();
    layout.interpreter_modules.reset();
    return layout;
  }

  Result<DescribedLayout> described_at(Address runtime) const {
    Bytes bytes(kDebugOffsetsSize);
    bytes.resize(memory_.read(runtime, bytes).size);
    return read_debug_offsets(bytes);
  }

  std::optional<Version> version_of(const Module& module, const Symbols& symbols) const {
    if (symbols.version) {
      const auto hex = memory_.load<uint64_t>(*symbols.version);
      if (const auto version = hex ? version_of_hex(*hex) : std::nullopt) return version;
    }
    if (const auto version = version_of_name(module.name)) return version;
    return version_of_name(module.soname());
  }

  Result<Found> by_symbols(const Module& module, const Symbols& symbols) const {
    if (symbols.runtime) {
      auto described = described_at(*symbols.runtime);
      if (described.ok()) {
        return found_in(described->version, described->layout, *symbols.runtime,
                        fmt::format("_PyRuntime of {}, which describes itself", module.name));
      }
      if (described.error().code() != ErrorCode::kNotFound) return described.error();
    }
    const auto version = version_of(module, symbols);
    if (!version) {
      return Error(ErrorCode::kUnsupported,
                   fmt::format("which version of CPython {} holds is not known", module.name));
    }
    const auto layout = layout_of(*version);
    if (!layout) {
      return Error(ErrorCode::kUnsupported,
                   fmt::format("CPython {} is not known", to_string(*version)));
    }
    if (symbols.runtime) {
      return found_in(*version, for_this_machine(*layout), *symbols.runtime,
                      fmt::format("the symbol _PyRuntime of {}", module.name));
    }
    return Found{.version = *version,
                 .layout = *layout,
                 .runtime = std::nullopt,
                 .interpreters = *symbols.interp_head,
                 .current_thread = symbols.current_thread,
                 .how = fmt::format("the symbol interp_head of {}", module.name)};
  }

  // Without a file: what the dump holds of the module's data, and of the memory without a file
  // that follows it (.bss).
  Result<Found> by_scan(const Module& module) const {
    const auto version = version_of_name(module.name);
    uint64_t left = kMaxScanned;
    bool is_first = true;
    Address end = module.range.start;
    for (const Mapping& mapping : image_.mappings) {
      const bool is_own = mapping.path == module.path ||
                          (!is_first && mapping.path.empty() && mapping.range.start == end);
      if (!is_own) continue;
      is_first = false;
      end = mapping.range.end;
      if (!mapping.protection || !mapping.protection->write) continue;
      if (auto found = scan(mapping.range, version, module, left)) return *std::move(found);
    }
    return Error(ErrorCode::kNotFound,
                 fmt::format("{} is loaded, but its state was not found in what was dumped of its "
                             "data",
                             module.name));
  }

  std::optional<Result<Found>> scan(AddressRange range, const std::optional<Version>& version,
                                    const Module& module, uint64_t& left) const {
    const auto layout = version ? layout_of(*version) : std::nullopt;
    const auto objects =
        layout ? std::optional<Objects>(std::in_place, memory_, *layout) : std::nullopt;
    for (Address at = range.start; at < range.end && left >= sizeof(uint64_t);) {
      const uint64_t wanted = std::min(left, range.end - at);
      const ByteView bytes = memory_.view(at, wanted);
      if (bytes.size() < sizeof(uint64_t)) {
        at = at.page() + 0x1000;
        continue;
      }
      for (uint64_t offset = 0; offset + sizeof(uint64_t) <= bytes.size();
           offset += sizeof(uint64_t)) {
        if (auto found =
                look_at(at + offset, *load<uint64_t>(bytes, offset), version, objects, module))
          return found;
      }
      left -= bytes.size();
      at = at + bytes.size();
    }
    return std::nullopt;
  }

  std::optional<Result<Found>> look_at(Address at, uint64_t word,
                                       const std::optional<Version>& version,
                                       const std::optional<Objects>& objects,
                                       const Module& module) const {
    uint64_t cookie = 0;
    std::memcpy(&cookie, kDebugCookie.data(), sizeof cookie);
    if (word == cookie) {
      auto described = described_at(at);
      if (!described.ok()) return described.error();
      return found_in(described->version, described->layout, at,
                      fmt::format("the mark of a _PyRuntime in the data of {}", module.name));
    }
    if (!objects || word == 0 || word % 8 != 0 || word >> 48 != 0) return std::nullopt;
    if (!is_interpreter_of(*objects, Address(word), natives_)) return std::nullopt;
    return Found{.version = *version,
                 .layout = objects->layout(),
                 .runtime = std::nullopt,
                 .interpreters = at,
                 .current_thread = std::nullopt,
                 .how = fmt::format("a pointer to an interpreter in the data of {}", module.name)};
  }

  const ProcessImage& image_;
  const MemoryReader& memory_;
  NativeThreads natives_;
};

}  // namespace

Result<Found> find(const ProcessImage& image, const ModuleSet& modules) {
  const Search search(image, modules);
  Error why(ErrorCode::kNotFound, "");
  for (const Module* module : candidates(modules)) {
    auto found = search.in(*module);
    if (found.ok()) return found;
    if (!found.error().message().empty()) why = std::move(found).error();
  }
  return why;
}

}  // namespace inquest::process::cpython
