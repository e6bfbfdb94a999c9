#include "lab/audit/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "lab/audit/choice.h"
#include "lab/audit/known_bad.h"
#include "lab/audit/no_binary.h"
#include "lab/audit/project.h"
#include "lab/audit/tree.h"
#include "platform/os/file.h"
#include "process/packages/packages.h"

namespace inquest::audit {
namespace {

namespace fs = std::filesystem;

// The interpreter of the virtual environment that a path is in: it has pyvenv.cfg at its top.
std::string python_of_environment(const std::string& path) {
  std::error_code failure;
  for (fs::path at = fs::weakly_canonical(path, failure); !failure && !at.empty();
       at = at.parent_path()) {
    if (os::is_regular_file((at / "pyvenv.cfg").string())) return (at / "bin" / "python").string();
    if (at == at.root_path()) break;
  }
  return {};
}

class Auditor {
 public:
  Auditor(const AuditOptions& options, const issues::KnownIssues& known)
      : options_(options), known_(known) {}

  Audit run() && {
    if (os::is_regular_file(options_.path)) {
      judge_one_file();
    } else {
      judge_tree();
    }
    find_known_bad_of(Loader::Kind::kNode, packages::Manager::kNpm);
    find_known_bad_of(Loader::Kind::kPython, packages::Manager::kPython);
    for (const auto& [kind, loader] : loaders_) {
      if (loader) audit_.loaders.push_back({.loader = *loader, .findings = loader_findings_[kind]});
    }
    return std::move(audit_);
  }

 private:
  // nullptr when it cannot be asked; that is said once.
  const Loader* loader_for(Loader::Kind kind) {
    const auto [entry, is_new] = loaders_.try_emplace(kind);
    if (is_new) {
      auto loader = kind == Loader::Kind::kNode ? node_loader() : python_loader();
      if (loader.ok()) {
        entry->second = std::move(*loader);
      } else {
        audit_.notes.push_back(fmt::format(
            "{} modules were judged without the program that loads them: {}",
            kind == Loader::Kind::kNode ? "Node.js" : "Python", loader.error().message()));
      }
    }
    return entry->second ? &*entry->second : nullptr;
  }

  Result<Loader> python_loader() const {
    std::string python = options_.python;
    if (python.empty()) python = python_of_environment(options_.path);
    return ask_python(python.empty() ? "python3" : python);
  }

  // What the tree is for, unless it is said: Electron's applications bring it, Bun leaves a file.
  Result<Loader> node_loader() {
    if (!options_.node.empty()) return ask_node(options_.node);
    const Project project = read_project(options_.path);
    if (!project.electron.empty()) return electron_loader(project);
    if (project.bun_because.empty()) return ask_node("node");
    if (!project.other_manager.empty()) {
      audit_.notes.push_back(
          fmt::format("{} is there and {} too: taken to run on Node.js; --node "
                      "may name another program",
                      project.bun_because, project.other_manager));
      return ask_node("node");
    }
    auto bun = ask_node("bun");
    if (bun.ok()) {
      bun->because = project.bun_because + " is there";
      return bun;
    }
    audit_.notes.push_back(
        fmt::format("{} is there, but Bun could not be asked ({}); --node may "
                    "name it",
                    project.bun_because, bun.error().message()));
    return ask_node("node");
  }

  Loader electron_loader(const Project& project) {
    Loader loader = read_electron(project.electron, project.electron_version);
    loader.because = "it is in node_modules";
    if (loader.node_abi == 0)
      audit_.notes.push_back(
          fmt::format("which NODE_MODULE_VERSION Electron {} has is not known: add-ons were not "
                      "held against it",
                      loader.version));
    if (loader.path.empty())
      audit_.notes.emplace_back(
          "Electron's program is not there: which functions it has is not known");
    return loader;
  }

  const Loader* loader_of(const NativeModule& module) {
    const std::string name = fs::path(module.path).filename().string();
    if (is_node_module(name) || module.api == Api::kNodeApi || module.api == Api::kV8)
      return loader_for(Loader::Kind::kNode);
    return module.api == Api::kPython ? loader_for(Loader::Kind::kPython) : nullptr;
  }

  Libraries& libraries_for(LibC libc) {
    auto& libraries = libraries_[libc];
    if (!libraries) libraries = std::make_unique<Libraries>("", libc);
    return *libraries;
  }

  void judge_entry(Entry& entry) {
    const Loader* loader = loader_of(entry.module);
    const LibC libc = loader != nullptr ? loader->libc : libc_of(entry.module);
    Libraries& libraries = libraries_for(libc);
    static const std::unordered_set<std::string> nothing;
    const Closure closure =
        closure_of(entry.module, loader != nullptr ? loader->loaded : nothing, libraries);
    std::optional<GlibcVersion> glibc;
    for (const std::string& file : closure.files) {
      if (file.ends_with("/libc.so.6")) glibc = glibc_of(file);
    }
    const Subject subject{.module = entry.module,
                          .package = entry.package ? &*entry.package : nullptr,
                          .loader = loader,
                          .closure = closure,
                          .in_tree = in_tree_};
    entry.findings = judge(subject, glibc, libraries);
    files_.insert(fs::path(entry.module.path).filename().string());
    for (const std::string& file : closure.files) {
      files_.insert(fs::path(file).filename().string());
      note_library(file, libraries);
    }
  }

  // Of one manager's packages, those that issues are about, and what loads them.
  void find_known_bad_of(Loader::Kind kind, packages::Manager manager) {
    std::vector<packages::Package> found;
    for (const packages::Package& package : installed_) {
      if (package.manager == manager && is_named(known_, manager, package.name))
        found.push_back(package);
    }
    for (const Entry& entry : audit_.entries) {
      if (!entry.package || entry.package->manager != manager || entry.package->is_program ||
          !entry.skipped.empty() || !is_named(known_, manager, entry.package->name))
        continue;
      const bool is_known = std::ranges::any_of(found, [&](const packages::Package& other) {
        return is_same(other, *entry.package) && (manager == packages::Manager::kPython ||
                                                  other.directory == entry.package->directory);
      });
      if (!is_known) found.push_back(*entry.package);
    }
    const bool was_asked = loaders_.contains(kind);
    if (found.empty() && !was_asked) return;
    KnownBad bad = find_known_bad(known_, loader_for(kind), found, {files_.begin(), files_.end()});
    loader_findings_[kind] = std::move(bad.of_loader);
    for (PackageEntry& package : bad.packages) add_package(std::move(package));
  }

  void add_package(PackageEntry added) {
    const auto same = std::ranges::find_if(audit_.packages, [&](const PackageEntry& other) {
      return other.package.directory == added.package.directory &&
             is_same(other.package, added.package);
    });
    if (same == audit_.packages.end()) {
      audit_.packages.push_back(std::move(added));
    } else {
      same->findings.insert(same->findings.end(), added.findings.begin(), added.findings.end());
    }
  }

  void find_those_without_binary() {
    BinariesOf binaries;
    for (const Entry& entry : audit_.entries) {
      if (entry.package && is_node_module(entry.module.path))
        binaries[entry.package->directory].push_back(entry.skipped);
    }
    const auto candidates = candidates_without_binary(installed_, binaries);
    const Loader* loader = candidates.empty() ? nullptr : loader_for(Loader::Kind::kNode);
    if (loader == nullptr) return;
    for (PackageEntry& package : find_no_binary(candidates, binaries, *loader))
      add_package(std::move(package));
  }

  // Which builds of a library are loaded: the first one serves all, and whoever was built for
  // another gets it.
  void note_library(const std::string& file, Libraries& libraries) {
    const NativeModule* module = libraries.module(file);
    if (module == nullptr || module->soname.empty()) return;
    builds_[module->soname][file] = module->build_id.empty() ? file : module->build_id;
  }

  void judge_one_file() {
    auto module = read_native_module(options_.path);
    if (!module.ok()) {
      audit_.notes.push_back(module.error().message());
      return;
    }
    Entry entry{.module = std::move(*module),
                .package = owner_of(options_.path),
                .skipped = {},
                .findings = {}};
    judge_entry(entry);
    audit_.entries.push_back(std::move(entry));
  }

  std::optional<packages::Package> owner_of(const std::string& path) {
    const packages::Package* package = packages_.language_owner_of(absolute(path));
    return package == nullptr ? std::nullopt : std::optional(*package);
  }

  void judge_tree() {
    Tree tree = read_tree(options_.path);
    installed_ = std::move(tree.packages);
    for (const std::string& path : tree.native_files) {
      auto module = read_native_module(path);
      if (!module.ok()) {
        audit_.notes.push_back(module.error().message());
        continue;
      }
      in_tree_.emplace(module->soname.empty() ? fs::path(path).filename().string() : module->soname,
                       path);
      audit_.entries.push_back(
          {.module = std::move(*module), .package = owner_of(path), .skipped = {}, .findings = {}});
    }
    skip_those_for_others();
    find_those_without_binary();
    skip_those_not_chosen();
    for (Entry& entry : audit_.entries) {
      if (entry.skipped.empty() && entry.findings.empty()) judge_entry(entry);
    }
    find_doubles();
  }

  static std::string path_in_package(const Entry& entry) {
    if (!entry.package || entry.package->directory.empty())
      return fs::path(entry.module.path).filename().string();
    const std::string path = absolute(entry.module.path);
    const size_t start = std::min(entry.package->directory.size() + 1, path.size());
    return entry.package->name + "/" + path.substr(start);
  }

  void skip_those_for_others() {
    for (Entry& entry : audit_.entries) {
      const std::string name = fs::path(entry.module.path).filename().string();
      if (is_node_module(name)) {
        const Loader* loader = loader_for(Loader::Kind::kNode);
        if (loader == nullptr) continue;
        if (entry.package) entry.skipped = why_not_for(*entry.package, *loader);
        if (entry.skipped.empty())
          entry.skipped = why_not_for(target_of(path_in_package(entry)), *loader);
      } else if (!python_tag(name).empty()) {
        const Loader* loader = loader_for(Loader::Kind::kPython);
        if (loader != nullptr && !python_name(name, loader->suffixes)) {
          entry.skipped = "for " + python_tag(name);
          for_other_python_[module_key(entry.module.path)].push_back(&entry);
        }
      }
    }
    for (Entry& entry : audit_.entries) {
      if (entry.skipped.empty()) for_other_python_.erase(module_key(entry.module.path));
    }
    for (auto& [key, entries] : for_other_python_) tell_of_no_fitting_python(entries);
  }

  // Directory and name up to the first dot: what is imported.
  static std::string module_key(const std::string& path) {
    const fs::path file(path);
    const std::string name = file.filename().string();
    return (file.parent_path() / name.substr(0, name.find('.'))).string();
  }

  void tell_of_no_fitting_python(const std::vector<Entry*>& entries) {
    Entry& entry = *entries.front();
    const Loader* loader = loader_for(Loader::Kind::kPython);
    entry.findings.push_back(
        {.id = "python-tag",
         .severity = Severity::kProblem,
         .what = fmt::format("built for {}; there is none for Python {}",
                             python_tag(fs::path(entry.module.path).filename().string()),
                             loader->version),
         .fix = rebuild_command(entry.package ? &*entry.package : nullptr, Api::kPython, loader)});
    entry.skipped.clear();
  }

  void skip_those_not_chosen() {
    std::map<std::string, std::vector<Entry*>> by_package;
    for (Entry& entry : audit_.entries) {
      if (entry.skipped.empty() && entry.package && is_node_module(entry.module.path))
        by_package[entry.package->directory].push_back(&entry);
    }
    for (auto& [directory, entries] : by_package) {
      std::vector<std::string> paths;
      for (const Entry* entry : entries) paths.push_back(path_in_package(*entry));
      const auto chosen = first_choice(paths);
      for (size_t i = 0; chosen && i < entries.size(); ++i) {
        if (i != *chosen) entries[i]->skipped = paths[*chosen] + " is taken before it";
      }
    }
  }

  void find_doubles() {
    for (const auto& [name, build_of] : builds_) {
      std::set<std::string> builds;
      std::vector<std::string> files;
      for (const auto& [file, build] : build_of) {
        builds.insert(build);
        files.push_back(file);
      }
      if (builds.size() < 2) continue;
      for (Entry& entry : audit_.entries) {
        if (std::ranges::find(entry.module.needed, name) == entry.module.needed.end()) continue;
        entry.findings.push_back(
            {.id = "doubled-library",
             .severity = Severity::kWarning,
             .what =
                 fmt::format("{} is there {} times in different builds; whichever is loaded first "
                             "serves all: {}",
                             name, builds.size(), fmt::join(files, ", ")),
             .fix =
                 "bring the packages to versions that share one, or to wheels that rename theirs"});
      }
    }
  }

  const AuditOptions& options_;
  const issues::KnownIssues& known_;
  Audit audit_;
  std::vector<packages::Package> installed_;
  std::set<std::string> files_;  // names of what is loaded
  std::map<Loader::Kind, std::vector<Finding>> loader_findings_;
  packages::Packages packages_;
  std::map<Loader::Kind, std::optional<Loader>> loaders_;
  std::map<LibC, std::unique_ptr<Libraries>> libraries_;
  std::map<std::string, std::string> in_tree_;  // name of a library → its file
  std::map<std::string, std::map<std::string, std::string>> builds_;  // DT_SONAME → file → build
  std::map<std::string, std::vector<Entry*>> for_other_python_;
};

}  // namespace

bool Audit::has_problems() const {
  const auto has = [](const auto& list) {
    return std::ranges::any_of(list, [](const auto& entry) {
      return std::ranges::any_of(entry.findings, [](const Finding& finding) {
        return finding.severity == Severity::kProblem;
      });
    });
  };
  return has(entries) || has(packages) || has(loaders);
}

const PackageEntry* package_entry_of(const Audit& audit, const Entry& entry) {
  if (!entry.package || !entry.skipped.empty()) return nullptr;
  for (const PackageEntry& bad : audit.packages) {
    const bool is_there = entry.package->manager == packages::Manager::kPython ||
                          bad.package.directory == entry.package->directory;
    if (is_there && is_same(bad.package, *entry.package)) return &bad;
  }
  return nullptr;
}

Result<Audit> audit(const AuditOptions& options, const issues::KnownIssues& known) {
  std::error_code failure;
  if (!fs::exists(options.path, failure)) {
    return Error(ErrorCode::kNotFound, options.path + ": there is no such file or directory");
  }
  return Auditor(options, known).run();
}

}  // namespace inquest::audit
