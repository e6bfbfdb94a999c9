#include "process/modules/modules.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>

#include "process/modules/discover.h"
#include "process/modules/file_memory.h"
#include "process/modules/file_module.h"
#include "process/modules/identity.h"
#include "process/modules/paths.h"
#include "process/modules/search.h"

namespace inquest::process {

std::string_view to_string(FileStatus status) {
  switch (status) {
    case FileStatus::kVerified:
      return "verified";
    case FileStatus::kUnverified:
      return "unverified";
    case FileStatus::kMissing:
      return "missing";
    case FileStatus::kMismatch:
      return "mismatch";
    case FileStatus::kInMemoryOnly:
      return "in memory only";
  }
  return "unknown";
}

namespace {

// The hole between text and data of older libraries can hold another module: the vdso, in ld.so's.
constexpr size_t kMaxNesting = 4;

}  // namespace

struct ModuleSet::State {
  State(const ProcessImage& image, const ModuleOptions& options)
      : context(image, options), memory(image, [this](Address address) { return find(address); }) {}

  const Module* find(Address address) const {
    const size_t hint = last.load(std::memory_order_relaxed);
    if (hint < modules.size() && modules[hint]->range.contains(address) &&
        (hint + 1 == modules.size() || address < modules[hint + 1]->range.start)) {
      return modules[hint].get();
    }
    const auto after =
        std::upper_bound(modules.begin(), modules.end(), address,
                         [](Address a, const auto& module) { return a < module->range.start; });
    auto index = static_cast<size_t>(after - modules.begin());
    for (size_t looked = 0; index > 0 && looked < kMaxNesting; ++looked) {
      --index;
      if (!modules[index]->range.contains(address)) continue;
      last.store(index, std::memory_order_relaxed);
      return modules[index].get();
    }
    return nullptr;
  }

  SearchContext context;
  std::vector<std::unique_ptr<Module>> modules;
  std::vector<Note> notes;
  FileMemory memory;
  mutable std::atomic<size_t> last = 0;
};

namespace {

// The module that --exe is meant for: the one with its build-id, else the program itself.
size_t chosen_module(const std::vector<Discovered>& modules, const std::string& executable) {
  if (executable.empty()) return SIZE_MAX;
  const auto file = OpenedFile::open(executable);
  const auto index = [&modules](const auto& matches) {
    const auto found = std::find_if(modules.begin(), modules.end(), matches);
    return found == modules.end() ? SIZE_MAX : static_cast<size_t>(found - modules.begin());
  };
  if (file.ok()) {
    const size_t same = index([&](const Discovered& m) {
      return m.build_id && is_same_build(*m.build_id, (*file)->elf());
    });
    if (same != SIZE_MAX) return same;
  }
  return index([](const Discovered& m) { return m.is_main; });
}

}  // namespace

ModuleSet::ModuleSet(std::unique_ptr<State> state) : state_(std::move(state)) {}
ModuleSet::ModuleSet(ModuleSet&&) noexcept = default;
ModuleSet& ModuleSet::operator=(ModuleSet&&) noexcept = default;
ModuleSet::~ModuleSet() = default;

ModuleSet ModuleSet::resolve(const ProcessImage& image, const ModuleOptions& options) {
  auto state = std::make_unique<State>(image, options);
  Discovery discovery = discover_modules(image, options.executable, options.sysroot);
  const size_t chosen = chosen_module(discovery.modules, options.executable);
  if (!options.executable.empty() && chosen == SIZE_MAX) {
    discovery.notes.push_back(
        {fmt::format("--exe {} was not used: the core does not tell which module is the program",
                     options.executable),
         ""});
  }
  state->notes = std::move(discovery.notes);
  state->modules.reserve(discovery.modules.size());
  for (size_t i = 0; i < discovery.modules.size(); ++i) {
    state->modules.push_back(
        std::make_unique<FileModule>(state->context, std::move(discovery.modules[i]), i == chosen));
  }
  return ModuleSet(std::move(state));
}

const Module* ModuleSet::find(Address address) const { return state_->find(address); }

const Module* ModuleSet::main() const {
  const auto found = std::find_if(state_->modules.begin(), state_->modules.end(),
                                  [](const auto& module) { return module->is_main; });
  return found == state_->modules.end() ? nullptr : found->get();
}

const std::vector<std::unique_ptr<Module>>& ModuleSet::all() const { return state_->modules; }
const MemoryReader& ModuleSet::memory() const { return state_->memory; }

std::vector<Note> ModuleSet::notes() const {
  std::vector<Note> all = state_->notes;
  for (Note& note : state_->context.debuginfod.notes()) all.push_back(std::move(note));
  return all;
}

std::vector<ModuleSet::Duplicate> ModuleSet::duplicates() const {
  std::map<std::string, const Module*> first;
  std::vector<Duplicate> found;
  for (const auto& module : state_->modules) {
    const std::string stem = library_stem(module->name);
    if (stem.empty()) continue;
    const auto [entry, is_new] = first.emplace(stem, module.get());
    if (is_new || entry->second->path == module->path) continue;
    found.push_back({stem, entry->second, module.get()});
  }
  return found;
}

std::vector<const Module*> ModuleSet::mismatched() const {
  std::vector<const Module*> found;
  for (const auto& module : state_->modules) {
    if (module->status() == FileStatus::kMismatch) found.push_back(module.get());
  }
  return found;
}

}  // namespace inquest::process
