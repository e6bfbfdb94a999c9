#include "lab/audit/audit.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <set>

#include "lab/audit/choice.h"
#include "platform/os/file.h"
#include "process/packages/packages.h"

namespace inquest::audit {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxEntries = 4'000'000;  // of directories

bool is_shared_object(const std::string& name) {
  const size_t at = name.find(".so");
  if (at == std::string::npos || at == 0) return false;
  // "libx.so", "libx.so.1.2", and not "x.sock" or "x.so.py".
  return std::all_of(name.begin() + static_cast<ptrdiff_t>(at) + 3, name.end(),
                     [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

bool is_node_module(const std::string& name) { return name.ends_with(".node"); }

// Each file once, though links lead to it on several ways. Unreadable directories are passed over.
std::vector<std::string> native_files_below(const std::string& root) {
  std::vector<std::string> files;
  std::set<std::pair<dev_t, ino_t>> seen;
  std::error_code failure;
  size_t count = 0;
  for (fs::recursive_directory_iterator
           entry(root, fs::directory_options::skip_permission_denied, failure),
       end;
       !failure && entry != end && count < kMaxEntries; entry.increment(failure), ++count) {
    const std::string name = entry->path().filename().string();
    if (!is_node_module(name) && !is_shared_object(name)) continue;
    struct stat info = {};
    if (::stat(entry->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    if (seen.emplace(info.st_dev, info.st_ino).second) files.push_back(entry->path().string());
  }
  std::ranges::sort(files);
  return files;
}

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

std::string absolute(const std::string& path) {
  std::error_code failure;
  const fs::path whole = fs::absolute(path, failure).lexically_normal();
  return failure ? path : whole.string();
}

class Auditor {
 public:
  explicit Auditor(const AuditOptions& options) : options_(options) {}

  Audit run() && {
    if (os::is_regular_file(options_.path)) {
      judge_one_file();
    } else {
      judge_tree();
    }
    return std::move(audit_);
  }

 private:
  // nullptr when it cannot be asked; that is said once.
  const Loader* loader_for(Loader::Kind kind) {
    const auto [entry, is_new] = loaders_.try_emplace(kind);
    if (is_new) {
      std::string python = options_.python;
      if (python.empty()) python = python_of_environment(options_.path);
      if (python.empty()) python = "python3";
      auto loader = kind == Loader::Kind::kNode ? ask_node(options_.node) : ask_python(python);
      if (loader.ok()) {
        entry->second = std::move(*loader);
        audit_.loaders.push_back(*entry->second);
      } else {
        audit_.notes.push_back(fmt::format(
            "{} modules were judged without the program that loads them: {}",
            kind == Loader::Kind::kNode ? "Node.js" : "Python", loader.error().message()));
      }
    }
    return entry->second ? &*entry->second : nullptr;
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
    for (const std::string& file : closure.files) note_library(file, libraries);
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
    for (const std::string& path : native_files_below(options_.path)) {
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
         .fix = rebuild_command(entry.package ? &*entry.package : nullptr, Api::kPython)});
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
  Audit audit_;
  packages::Packages packages_;
  std::map<Loader::Kind, std::optional<Loader>> loaders_;
  std::map<LibC, std::unique_ptr<Libraries>> libraries_;
  std::map<std::string, std::string> in_tree_;  // name of a library → its file
  std::map<std::string, std::map<std::string, std::string>> builds_;  // DT_SONAME → file → build
  std::map<std::string, std::vector<Entry*>> for_other_python_;
};

}  // namespace

bool Audit::has_problems() const {
  return std::ranges::any_of(entries, [](const Entry& entry) {
    return std::ranges::any_of(entry.findings, [](const Finding& finding) {
      return finding.severity == Severity::kProblem;
    });
  });
}

Result<Audit> audit(const AuditOptions& options) {
  std::error_code failure;
  if (!fs::exists(options.path, failure)) {
    return Error(ErrorCode::kNotFound, options.path + ": there is no such file or directory");
  }
  return Auditor(options).run();
}

}  // namespace inquest::audit
