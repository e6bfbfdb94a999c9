#include "diagnosis/facts/process_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "diagnosis/facts/user_place.h"

namespace inquest::diagnosis {
namespace {

using process::FileStatus;
using process::Module;

struct RuntimeMark {
  std::string_view module;   // start of the module's file name
  bool main_only;            // only as the program itself
  std::string_view runtime;  // empty: the file name tells the version, as of python3.11
};

constexpr std::array<RuntimeMark, 17> kRuntimes = {{{"libpython", false, ""},
                                                    {"python", true, ""},
                                                    {"pypy", true, ""},
                                                    {"libnode.so", false, "node"},
                                                    {"node", true, "node"},
                                                    {"bun", true, "bun"},
                                                    {"deno", true, "deno"},
                                                    {"electron", true, "electron"},
                                                    {"libjvm.so", false, "java"},
                                                    {"libcoreclr.so", false, "dotnet"},
                                                    {"libmono", false, "mono"},
                                                    {"libruby", false, "ruby"},
                                                    {"ruby", true, "ruby"},
                                                    {"libphp", false, "php"},
                                                    {"php", true, "php"},
                                                    {"beam.smp", true, "erlang"},
                                                    {"perl", true, "perl"}}};

// "libpython3.11.so.1.0" → "python3.11"
std::string python_name(std::string_view name) {
  if (name.starts_with("lib")) name.remove_prefix(3);
  const size_t end = name.find(".so");
  return std::string(name.substr(0, end));
}

bool is_word_end(std::string_view name, size_t at) {
  return at >= name.size() ||
         !((name[at] >= 'a' && name[at] <= 'z') || name[at] == '_' || name[at] == '-');
}

std::string runtime_of(const process::ModuleSet& modules) {
  for (const auto& module : modules.all()) {
    for (const RuntimeMark& mark : kRuntimes) {
      if (!module->name.starts_with(mark.module) || (mark.main_only && !module->is_main)) continue;
      if (mark.main_only && !is_word_end(module->name, mark.module.size())) continue;
      return mark.runtime.empty() ? python_name(module->name) : std::string(mark.runtime);
    }
  }
  const Module* main = modules.main();
  const elf::File* file = main != nullptr ? main->binary() : nullptr;
  if (file != nullptr && file->find_section(".go.buildinfo") != nullptr) return "go";
  return {};
}

bool ends_with_one_of(std::string_view file, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return file.ends_with(ending); });
}

std::string language_of_file(std::string_view file) {
  if (file.ends_with(".rs")) return "Rust";
  if (ends_with_one_of(file, {".cc", ".cpp", ".cxx", ".C", ".hpp", ".hh", ".hxx", ".ipp", ".tcc"}))
    return "C++";
  if (file.ends_with(".c")) return "C";
  if (file.ends_with(".go")) return "Go";
  if (ends_with_one_of(file, {".f90", ".f", ".F90"})) return "Fortran";
  return {};
}

bool has_rust_frames(const StackFacts& stack) {
  return std::any_of(stack.frames.begin(), stack.frames.end(), [](const FrameFact& frame) {
    return std::any_of(frame.functions.begin(), frame.functions.end(),
                       [](const FunctionFact& function) {
                         return function.short_name.starts_with("std::rt::lang_start") ||
                                function.short_name.starts_with("core::ops::function") ||
                                function.short_name.starts_with("std::sys::backtrace") ||
                                function.file.ends_with(".rs");
                       });
  });
}

std::string hex_or_unknown(const std::optional<BuildId>& id) {
  return id && !id->empty() ? id->hex() : "unknown";
}

Evidence module_evidence(const Module& module, std::string text) {
  return {Evidence::Kind::kModule, std::move(text), module.range.start, std::nullopt};
}

void add(Facts& facts, std::string statement, std::string advice,
         std::vector<Evidence> evidence = {}) {
  const bool known = std::any_of(facts.missing.begin(), facts.missing.end(),
                                 [&](const Fact& fact) { return fact.statement == statement; });
  if (known) return;
  facts.missing.push_back({std::move(statement), std::move(evidence)});
  facts.advice.push_back(std::move(advice));
}

// How to get the debug information of this module on this kind of system.
std::string debug_info_advice(const Module& module) {
  const std::string id = hex_or_unknown(module.build_id);
  if (module.path.starts_with("/usr/") || module.path.starts_with("/lib")) {
    return fmt::format(
        "install the debug symbols of {} (Debian: the package's -dbgsym, Fedora: dnf "
        "debuginfo-install), or set "
        "DEBUGINFOD_URLS to your distribution's server; the build-id is {}",
        module.name, id);
  }
  return fmt::format(
      "build {} with -g, or give the directory of its debug files with --debug-dir; the build-id "
      "is {}",
      module.name, id);
}

// Files that stand for the ones that ran without a build-id to prove it, in one sentence.
void add_unverified(const std::vector<const Module*>& modules, Facts& facts) {
  if (modules.empty()) return;
  std::string names;
  std::vector<Evidence> evidence;
  for (const Module* module : modules) {
    names += names.empty() ? module->name : ", " + module->name;
    evidence.push_back(module_evidence(
        *module,
        fmt::format("{} is used for {}{}", module->found_path(), module->path,
                    module->contents_agree() ? "; what the core holds of it agrees" : "")));
  }
  // An emulator dumps no text at all, whatever is set on the host.
  const bool emulated = facts.process.producer == process::to_string(process::Producer::kQemuUser);
  add(facts,
      fmt::format(
          "whether the files at hand are the ones that ran could not be verified by build-id: {}",
          names),
      emulated ? "be sure yourself that the files "
                 "are the ones that ran"
               : "link with --build-id, and let cores hold ELF headers (bit 4 of "
                 "/proc/PID/coredump_filter)",
      std::move(evidence));
}

void add_module_gaps(const Module& module, bool is_users, std::vector<const Module*>& unverified,
                     Facts& facts) {
  const FileStatus status = module.status();
  if (status == FileStatus::kUnverified) {
    unverified.push_back(&module);
  } else {
    for (const process::Note& note : module.notes())
      add(facts, note.text, note.advice, {module_evidence(module, module.path)});
  }
  const bool usable = status == FileStatus::kVerified || status == FileStatus::kUnverified;
  if (is_users && usable && module.debug() == nullptr && module.notes().empty()) {
    add(facts,
        module.breakpad_symbols() != nullptr
            ? fmt::format("{} has a symbol file only: no arguments or types", module.name)
            : fmt::format("{} has no debug information: no lines, arguments or types", module.name),
        debug_info_advice(module), {module_evidence(module, module.path)});
  }
}

}  // namespace

ProcessFacts describe_process(const process::ProcessImage& image,
                              const process::ModuleSet& modules) {
  ProcessFacts facts;
  facts.executable = image.executable;
  if (facts.executable.empty() && modules.main() != nullptr)
    facts.executable = modules.main()->path;
  facts.command = image.command;
  facts.arguments = image.arguments;
  facts.pid = image.pid;
  facts.uid = image.uid;
  facts.gid = image.gid;
  facts.arch = isa::to_string(image.arch);
  facts.producer = process::to_string(image.producer);
  facts.source = image.source;
  facts.thread_count = image.threads.size();
  facts.runtime = runtime_of(modules);
  return facts;
}

std::string language_of(const Facts& facts) {
  if (facts.user_runtime_frame && !facts.user_frame) return facts.user_runtime_frame->language;
  const auto open = facts.open_frame();
  if (!open || *open >= facts.crashing.frames.size()) return "unknown";
  const FrameFact& frame = facts.crashing.frames[*open];
  const size_t index = std::min(facts.open_function(), frame.functions.size() - 1);
  const FunctionFact& function = frame.functions[index];
  if (std::string language = language_of_file(function.file); !language.empty()) return language;
  if (facts.process.runtime == "go") return "Go";
  if (has_rust_frames(facts.crashing)) return "Rust";
  if (function.name.find("::") != std::string::npos || function.name.find('(') != std::string::npos)
    return "C++";
  return "unknown";
}

std::vector<ModuleFact> describe_modules(const process::ModuleSet& modules,
                                         const StackFacts& crashing) {
  std::vector<ModuleFact> facts;
  const bool look_for_all = modules.all().size() <= kMaxModulesLookedFor;
  for (const auto& module : modules.all()) {
    ModuleFact fact;
    fact.path = module->path;
    if (module->build_id) fact.build_id = module->build_id->hex();
    fact.start = module->range.start;
    fact.end = module->range.end;
    fact.on_crash_path =
        std::any_of(crashing.frames.begin(), crashing.frames.end(),
                    [&](const FrameFact& frame) { return module->range.contains(frame.pc); });
    if (!look_for_all && !fact.on_crash_path) {
      fact.status = "not looked for";
      facts.push_back(std::move(fact));
      continue;
    }
    fact.status = process::to_string(module->status());
    fact.version = module->version();
    fact.found_path = module->found_path();
    if (const auto id = module->found_build_id()) fact.found_build_id = id->hex();
    if (fact.on_crash_path) {
      // Debug files may come over the network: only for those whose code was running.
      fact.has_debug_info = module->debug() != nullptr;
      fact.debug_path = module->debug_path();
      const elf::File* binary = module->binary();
      const bool has_breakpad = !fact.has_debug_info && module->breakpad_symbols() != nullptr;
      if (has_breakpad) fact.debug_path = module->breakpad_symbols()->path();
      fact.has_symbols = fact.has_debug_info || has_breakpad || module->mini_debug() != nullptr ||
                         (binary != nullptr && binary->find_section(".symtab") != nullptr);
    }
    facts.push_back(std::move(fact));
  }
  return facts;
}

std::vector<Fact> find_inconsistent_modules(const process::ModuleSet& modules,
                                            const std::vector<ModuleFact>& facts) {
  std::vector<Fact> found;
  for (size_t i = 0; i < facts.size() && i < modules.all().size(); ++i) {
    const Module& module = *modules.all()[i];
    if (facts[i].status != process::to_string(FileStatus::kMismatch)) continue;
    found.push_back(
        {fmt::format("{} on disk is another build than the one that was loaded: {} is now {}",
                     module.path, hex_or_unknown(module.build_id),
                     hex_or_unknown(module.found_build_id())),
         {module_evidence(module, fmt::format("{} loaded with build-id {}", module.path,
                                              hex_or_unknown(module.build_id))),
          module_evidence(module, fmt::format("{} has build-id {}", module.found_path(),
                                              hex_or_unknown(module.found_build_id())))}});
  }
  for (const process::ModuleSet::Duplicate& twice : modules.duplicates()) {
    if (twice.first == nullptr || twice.second == nullptr) continue;
    found.push_back({fmt::format("two versions of {} are loaded, {} and {}: functions of one may "
                                 "be given data of the other",
                                 twice.stem, twice.first->name, twice.second->name),
                     {module_evidence(*twice.first, twice.first->path),
                      module_evidence(*twice.second, twice.second->path)}});
  }
  return found;
}

void add_missing_debug_information(const std::vector<std::string>& notes, Facts& facts) {
  for (const std::string& note : notes)
    add(facts, note, "keep the .dwo files, or make a .dwp of them and put it beside the binary");
}

void add_missing(const process::ProcessImage& image, const process::ModuleSet& modules,
                 Facts& facts) {
  for (const process::Note& note : image.notes) add(facts, note.text, note.advice);
  for (const process::Note& note : modules.notes()) add(facts, note.text, note.advice);
  const std::string users =
      facts.user_frame ? facts.crashing.frames[*facts.user_frame].module : std::string();
  std::vector<const Module*> unverified;
  for (size_t i = 0; i < facts.modules.size() && i < modules.all().size(); ++i) {
    if (!facts.modules[i].on_crash_path) continue;
    const Module& module = *modules.all()[i];
    add_module_gaps(module, module.path == users, unverified, facts);
  }
  add_unverified(unverified, facts);
  for (const std::string& note : facts.crashing.notes) {
    add(facts, fmt::format("the crashing thread's stack: {}", note), "");
  }
}

}  // namespace inquest::diagnosis
