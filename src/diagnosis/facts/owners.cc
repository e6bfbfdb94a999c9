#include "diagnosis/facts/owners.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "base/words.h"
#include "process/modules/opened_file.h"

namespace inquest::diagnosis {
namespace {

// Different files of one stack that are asked for; a stack with more is of generated code.
constexpr size_t kMaxFiles = 2000;

PackageFact describe(const packages::Package& package) {
  return {.manager = std::string(to_string(package.manager)),
          .name = package.name,
          .version = package.version,
          .installed = {},
          .is_program = package.is_program};
}

// What is to be found out, and where it belongs then.
class Questions {
 public:
  void ask(const std::string& path, std::optional<PackageFact>& answer, bool other_build = false) {
    if (path.empty() || (!places_.contains(path) && places_.size() == kMaxFiles)) return;
    places_[path].push_back({&answer, other_build});
  }

  void answer(packages::Packages& packages) const {
    std::vector<std::string> paths;
    paths.reserve(places_.size());
    for (const auto& [path, places] : places_) paths.push_back(path);
    const auto owners = packages.owners_of(paths);
    size_t at = 0;
    for (const auto& [path, places] : places_) {
      const auto& owner = owners[at++];
      if (!owner) continue;
      for (const Place& place : places) {
        PackageFact fact = describe(*owner);
        if (place.other_build) fact.installed = std::exchange(fact.version, {});
        *place.answer = std::move(fact);
      }
    }
  }

 private:
  struct Place {
    std::optional<PackageFact>* answer;
    bool other_build;
  };
  std::map<std::string, std::vector<Place>> places_;
};

void ask(std::vector<RuntimeFrameFact>& frames, Questions& questions) {
  for (RuntimeFrameFact& frame : frames) questions.ask(path_of_script(frame.file), frame.package);
}

void ask(StackFacts& stack, Questions& questions) {
  for (FrameFact& frame : stack.frames) {
    for (FunctionFact& function : frame.functions)
      questions.ask(path_of_script(function.file), function.package);
    ask(frame.runtime_frames, questions);
  }
  if (stack.runtime) ask(stack.runtime->apart, questions);
}

void ask_scripts(Facts& facts, Questions& questions) {
  ask(facts.crashing, questions);
  if (facts.user_runtime_frame)
    questions.ask(path_of_script(facts.user_runtime_frame->file),
                  facts.user_runtime_frame->package);
}

// Is the module's file, as far as it is at hand, the one below `root`?
bool is_below(const std::string& root, const ModuleFact& module) {
  if (module.status == "mismatch" || module.status == "missing") return false;
  if (module.found_path.empty()) return true;  // told by a text
  return std::filesystem::path(module.found_path).lexically_normal() ==
         std::filesystem::path(root + module.path).lexically_normal();
}

// Is the file of this system the one that ran?
bool is_this_file(const ModuleFact& module) {
  if (module.build_id.empty() || !module.path.starts_with('/')) return false;
  const auto file = process::OpenedFile::open(module.path);
  return file.ok() && (*file)->build_id() && (*file)->build_id()->hex() == module.build_id;
}

bool is_run_time(const ModuleFact& module, const StackFacts& stack) {
  return std::ranges::any_of(stack.frames, [&](const FrameFact& frame) {
    return frame.module == module.path && !frame.run_time.empty();
  });
}

// Where the program or the run time is the very file that is installed here, so are the scripts.
void add_owners_here(packages::Packages& here, Facts& facts) {
  Questions questions;
  bool is_this_system = false;
  for (ModuleFact& module : facts.modules) {
    if (!module.on_crash_path || !is_this_file(module)) continue;
    questions.ask(module.path, module.package);
    is_this_system |=
        module.path == facts.process.executable || is_run_time(module, facts.crashing);
  }
  if (is_this_system) ask_scripts(facts, questions);
  questions.answer(here);
}

}  // namespace

std::string path_of_script(std::string_view file) {
  constexpr std::string_view kUrl = "file://";
  if (!file.starts_with(kUrl)) return file.starts_with('/') ? std::string(file) : std::string();
  file.remove_prefix(kUrl.size());
  if (!file.starts_with('/')) return {};
  std::string path;
  for (size_t at = 0; at < file.size(); ++at) {
    const auto byte = file[at] == '%' && at + 2 < file.size()
                          ? number<uint8_t>(file.substr(at + 1, 2), 16)
                          : std::nullopt;
    path += byte ? static_cast<char>(*byte) : file[at];
    if (byte) at += 2;
  }
  return path;
}

void add_owners(OwnerSources& sources, Facts& facts) {
  Questions questions;
  for (ModuleFact& module : facts.modules) {
    if (module.on_crash_path)
      questions.ask(module.path, module.package, !is_below(sources.packages.root(), module));
  }
  ask_scripts(facts, questions);
  questions.answer(sources.packages);
  if (sources.here) add_owners_here(*sources.here, facts);
  for (ModuleFact& module : facts.modules) {
    // A run time that was unpacked somewhere is not what the package.json beside it is of.
    if (module.package && module.package->is_program && is_run_time(module, facts.crashing))
      module.package.reset();
  }
}

}  // namespace inquest::diagnosis
