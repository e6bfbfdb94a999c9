#include "diagnosis/facts/run_time_code.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>

#include "diagnosis/facts/roles.h"

namespace inquest::diagnosis {
namespace {

constexpr std::array<std::string_view, 5> kJavaScriptPrograms = {"node", "nodejs", "bun", "deno",
                                                                 "electron"};

// Whatever loads Node-API modules exports this: node, bun, deno, electron, and programs that were
// made of one of them and a script.
constexpr const char* kNodeApi = "napi_module_register";

// `main` may be mapped a second time: V8 does so with its builtins.
bool is_javascript(const process::Module& module, const process::Module* main) {
  if (module.name.starts_with("libnode.so")) return true;
  if (main == nullptr || module.path != main->path) return false;
  const elf::File* file = module.binary();
  if (file != nullptr) return file->find_dynamic_symbol(kNodeApi).has_value();
  return std::ranges::find(kJavaScriptPrograms, module.name) != kJavaScriptPrograms.end();
}

std::string_view run_time_of(const process::Module& module, const process::Module* main) {
  if (is_python_interpreter(module.path)) return "Python";
  return is_javascript(module, main) ? "JavaScript" : "";
}

}  // namespace

void mark_run_time_code(const process::ModuleSet& modules, StackFacts& stack) {
  std::unordered_map<const process::Module*, std::string_view> known;
  for (FrameFact& frame : stack.frames) {
    const process::Module* module = modules.find(frame.pc);
    if (module == nullptr) continue;
    const auto [entry, is_new] = known.try_emplace(module);
    if (is_new) entry->second = run_time_of(*module, modules.main());
    if (entry->second.empty()) continue;
    frame.run_time = entry->second;
    for (FunctionFact& function : frame.functions) {
      if (function.role == CodeRole::kUser) function.role = CodeRole::kLibrary;
    }
  }
}

}  // namespace inquest::diagnosis
