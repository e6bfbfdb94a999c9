#include "process/modules/search.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdlib>

#include "process/modules/compare.h"
#include "process/modules/identity.h"
#include "process/modules/link_map.h"
#include "process/modules/paths.h"

namespace inquest::process {
namespace {

constexpr uint16_t kEmX86_64 = 62, kEmAArch64 = 183;
constexpr uint32_t kShtSymtab = 2;
constexpr std::string_view kSystemDebug = "/usr/lib/debug";

std::string display(const std::optional<BuildId>& id) { return id ? id->hex() : "none"; }

uint16_t machine_of(isa::Arch arch) { return arch == isa::Arch::kX86_64 ? kEmX86_64 : kEmAArch64; }

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  return real ? std::string(real.get()) : path;
}

bool has_symbols(const elf::File& file) {
  if (file.has_debug_info()) return true;
  const auto& sections = file.sections();
  return std::any_of(sections.begin(), sections.end(),
                     [](const auto& section) { return section.type == kShtSymtab; });
}

// Directories laid out like /usr/lib/debug, those that the user named first.
std::vector<std::string> debug_roots(const ModuleOptions& options) {
  std::vector<std::string> roots = options.debug_dirs;
  if (options.use_system_debug_dir) {
    roots.push_back(options.sysroot.empty() ? std::string(kSystemDebug)
                                            : join(options.sysroot, kSystemDebug));
  }
  return roots;
}

struct Candidate {
  std::string path;
  // Used only when it can be shown to be the right one: it does not come from where the core says.
  bool must_verify = false;
  bool chosen_by_user = false;
};

class BinarySearch {
 public:
  BinarySearch(SearchContext& context, const Module& module, bool is_chosen)
      : context_(context), module_(module), is_chosen_(is_chosen) {}

  FoundBinary run() {
    for (const Candidate& candidate : candidates()) {
      if (try_candidate(candidate)) return std::move(found_);
    }
    if (module_.build_id) {
      if (const auto path =
              context_.debuginfod.find(*module_.build_id, Debuginfod::Kind::kExecutable)) {
        if (try_candidate({*path, true, false})) return std::move(found_);
      }
    }
    say_why_not();
    return std::move(found_);
  }

 private:
  std::vector<Candidate> candidates() const {
    const ModuleOptions& options = context_.options;
    std::vector<Candidate> all;
    if (is_chosen_) all.push_back({options.executable, false, true});
    const bool safe = is_safe(module_.path);
    const bool absolute = module_.path.starts_with('/');
    const std::string source_directory = directory_of(context_.image.source);
    if (absolute && safe) {
      // Of a deleted file the path now leads to another one, or to nothing.
      if (!options.sysroot.empty()) {
        all.push_back({join(options.sysroot, module_.path), module_.was_deleted, false});
        all.push_back({module_.path, true, false});
      } else {
        for (const std::string& prefix : library_prefixes(context_.image, "")) {
          all.push_back({prefix + module_.path, module_.was_deleted || !prefix.empty(), false});
        }
      }
    } else if (!module_.path.empty() && !absolute && module_.is_main &&
               !context_.image.names_only) {
      all.push_back({module_.path, false, false});
      all.push_back({join(source_directory, module_.path), false, false});
    }
    if (!absolute && safe && !module_.is_main) {
      for (const std::string& path : places_of_library()) all.push_back({path, true, false});
    }
    if (module_.build_id) {
      auto roots = debug_roots(options);
      roots.push_back(join(options.sysroot, "/usr/lib"));
      for (const std::string& root : roots) {
        for (const std::string& path : files_by_build_id(root, *module_.build_id, "")) {
          all.push_back({path, true, false});
        }
      }
    }
    if (!module_.name.empty()) {
      for (const std::string& directory : options.debug_dirs) {
        if (safe) all.push_back({join(directory, module_.path), true, false});
        all.push_back({join(directory, module_.name), true, false});
      }
      if (!context_.image.source.empty()) {
        const bool must_verify = !module_.is_main || context_.image.names_only;
        all.push_back({join(source_directory, module_.name), must_verify, false});
      }
    }
    return all;
  }

  // Crashpad calls libraries by their soname: where the dynamic loader would have looked, and
  // beside the program.
  std::vector<std::string> places_of_library() const {
    std::vector<std::string> places;
    const bool x86 = context_.image.arch == isa::Arch::kX86_64;
    const std::string triplet = x86 ? "x86_64-linux-gnu" : "aarch64-linux-gnu";
    const std::string& program = context_.image.executable;
    if (program.starts_with('/') && is_safe(program)) {
      places.push_back(context_.options.sysroot + join(directory_of(program), module_.path));
    }
    for (const std::string& directory :
         {"/lib/" + triplet, "/usr/lib/" + triplet, std::string("/lib64"),
          std::string("/usr/lib64"), std::string("/lib"), std::string("/usr/lib"),
          std::string("/usr/local/lib")}) {
      places.push_back(context_.options.sysroot + join(directory, module_.path));
    }
    return places;
  }

  // True when the search is over.
  bool try_candidate(const Candidate& candidate) {
    auto file = OpenedFile::open(candidate.path, candidate.chosen_by_user ? 0 : module_.elf_offset);
    if (!file.ok() && module_.elf_offset != 0) file = OpenedFile::open(candidate.path);
    if (!file.ok()) {
      if (candidate.chosen_by_user) {
        found_.notes.push_back({fmt::format("--exe {}: {}", candidate.path, file.error().message()),
                                "give the program that crashed"});
      }
      return false;
    }
    const OpenedFile& opened = **file;
    if (opened.elf().machine() != machine_of(context_.image.arch)) {
      refuse(candidate, opened, "is for another architecture");
      return false;
    }
    if (module_.build_id) {
      if (!is_same_build(*module_.build_id, opened.elf())) {
        refuse(candidate, opened, "");
        return false;
      }
      accept(FileStatus::kVerified, std::move(*file), true);
      return true;
    }
    Comparison comparison = compare_with_memory(opened.elf(), module_.bias, *context_.image.memory);
    if (comparison == Comparison::kNothing && module_.is_main)
      comparison = compare_static(opened.elf(), module_.bias, context_.image);
    if (comparison == Comparison::kDisagrees) {
      refuse(candidate, opened, "differs from what the core holds of it");
      return false;
    }
    const bool agrees = comparison == Comparison::kAgrees;
    if (candidate.must_verify && !agrees) return false;
    accept(FileStatus::kUnverified, std::move(*file), agrees || candidate.chosen_by_user);
    found_.notes.push_back(
        {fmt::format("{} is used for {}, but the {} holds no build-id to verify it by{}",
                     found_.path, module_.name, evidence(),
                     agrees ? "; what it does hold of it agrees" : ""),
         agrees ? "" : "if names look wrong, give the right file with --exe or --sysroot"});
    return true;
  }

  void accept(FileStatus status, std::unique_ptr<OpenedFile> file, bool agrees) {
    found_.status = status;
    found_.path = file->path();
    found_.build_id = file->build_id();
    found_.file = std::move(file);
    found_.agrees = agrees;
  }

  // Remembers the first file that is the wrong one: that of the most telling place.
  void refuse(const Candidate& candidate, const OpenedFile& file, std::string_view how) {
    if (candidate.chosen_by_user) {
      found_.notes.push_back(
          {fmt::format("--exe {} is not the {} that crashed: its build-id is {}, the {}'s {}{}{}",
                       candidate.path, module_.name, display(file.build_id()), evidence(),
                       display(module_.build_id), how.empty() ? "" : "; it ", how),
           "give the build that crashed"});
    }
    if (found_.status == FileStatus::kMismatch) return;
    if (candidate.must_verify && !module_.was_deleted) return;  // a namesake elsewhere says nothing
    found_.status = FileStatus::kMismatch;
    found_.path = candidate.path;
    found_.build_id = file.build_id();
    how_refused_ = how;
  }

  void say_why_not() {
    const std::string supply =
        module_.is_main
            ? "give the build that crashed with --exe, --debug-dir or DEBUGINFOD_URLS"
            : "give the build that crashed with --sysroot, --debug-dir or DEBUGINFOD_URLS";
    if (found_.status == FileStatus::kMismatch) {
      if (is_chosen_ && found_.path == context_.options.executable) return;  // said already
      found_.notes.push_back(
          {fmt::format("{} is not the one that crashed and is not used: its build-id is {}, the "
                       "{}'s {}{}{}",
                       found_.path, display(found_.build_id), evidence(), display(module_.build_id),
                       how_refused_.empty() ? "" : "; it ", how_refused_),
           supply});
      return;
    }
    found_.notes.push_back(
        {fmt::format(
             "{} was not found{} (build-id {})", module_.path.empty() ? module_.name : module_.path,
             module_.was_deleted ? ": it had been deleted or replaced before the crash" : "",
             module_.build_id ? module_.build_id->hex() : "unknown"),
         supply});
  }

  std::string_view evidence() const { return evidence_word(context_.image.producer); }

  SearchContext& context_;
  const Module& module_;
  bool is_chosen_;
  FoundBinary found_;
  std::string_view how_refused_;
};

class DebugSearch {
 public:
  DebugSearch(SearchContext& context, const Module& module, const OpenedFile* binary)
      : context_(context), module_(module), binary_(binary) {
    // The binary at hand was held against the process; a minidump may know half of its id.
    if (binary != nullptr) wanted_ = binary->build_id();
    if (!wanted_) wanted_ = module.build_id;
    if (binary != nullptr) link_ = binary->elf().debug_link();
    if (link_ && (!is_safe(link_->file_name) || link_->file_name.front() == '/')) link_.reset();
  }

  FoundDebug run() {
    for (const std::string& path : candidates()) {
      if (try_path(path)) return std::move(found_);
    }
    if (wanted_) {
      if (const auto path = context_.debuginfod.find(*wanted_, Debuginfod::Kind::kDebugInfo)) {
        if (try_path(*path)) return std::move(found_);
      }
    }
    if (!refused_.empty()) {
      found_.notes.push_back(
          {fmt::format("{} is not the debug file of {} and is not used: its build-id is {}, wanted "
                       "is {}",
                       refused_, module_.name, display(refused_id_), display(wanted_)),
           "install the debug package of the build that crashed, or give it with --debug-dir"});
    }
    return std::move(found_);
  }

 private:
  std::vector<std::string> candidates() const {
    std::vector<std::string> all;
    const auto roots = debug_roots(context_.options);
    if (wanted_) {
      for (const std::string& root : roots) {
        const auto files = files_by_build_id(root, *wanted_, ".debug");
        all.insert(all.end(), files.begin(), files.end());
      }
    }
    const std::string found_directory =
        binary_ == nullptr ? "" : directory_of(real_path(binary_->path()));
    if (link_ && binary_ != nullptr) {
      all.push_back(join(found_directory, link_->file_name));
      all.push_back(join(found_directory + "/.debug", link_->file_name));
    }
    const bool safe = is_safe(module_.path) && module_.path.starts_with('/');
    for (const std::string& root : roots) {
      if (safe) {
        const std::string directory = join(root, directory_of(module_.path));
        if (link_) all.push_back(join(directory, link_->file_name));
        all.push_back(join(root, module_.path) + ".debug");
      }
      if (link_ && found_directory.starts_with('/')) {
        all.push_back(join(join(root, found_directory), link_->file_name));
      }
    }
    for (const std::string& directory : context_.options.debug_dirs) {
      if (link_) all.push_back(join(directory, link_->file_name));
      if (module_.name.empty()) continue;
      all.push_back(join(directory, module_.name) + ".debug");
      all.push_back(join(directory, module_.name));
      if (safe) all.push_back(join(directory, module_.path));
    }
    return all;
  }

  bool try_path(const std::string& path) {
    if (binary_ != nullptr && path == binary_->path()) return false;
    auto file = OpenedFile::open(path);
    if (!file.ok() || !has_symbols((*file)->elf())) return false;
    if (!belongs(**file)) {
      if (refused_.empty()) {
        refused_ = path;
        refused_id_ = (*file)->build_id();
      }
      return false;
    }
    found_.file = std::move(*file);
    return true;
  }

  // By build-id; where there is none, by the checksum that the binary has of its debug file.
  bool belongs(const OpenedFile& file) const {
    if (file.elf().machine() != machine_of(context_.image.arch)) return false;
    if (wanted_) return is_same_build(*wanted_, file.elf());
    return link_ && elf::debug_link_crc(file.elf().bytes()) == link_->crc32;
  }

  SearchContext& context_;
  const Module& module_;
  const OpenedFile* binary_;
  std::optional<BuildId> wanted_;
  std::optional<elf::DebugLink> link_;
  FoundDebug found_;
  std::string refused_;
  std::optional<BuildId> refused_id_;
};

}  // namespace

FoundBinary find_binary(SearchContext& context, const Module& module, bool is_chosen) {
  return BinarySearch(context, module, is_chosen).run();
}

FoundDebug find_debug(SearchContext& context, const Module& module, const OpenedFile* binary) {
  return DebugSearch(context, module, binary).run();
}

FoundDebug find_alt(SearchContext& context, const OpenedFile& debug) {
  FoundDebug found;
  const auto link = debug.elf().alt_link();
  if (!link) return found;
  std::vector<std::string> candidates;
  const std::string_view name = link->file_name;
  if (name.starts_with('/')) {
    if (is_safe(name) && !context.options.sysroot.empty()) {
      candidates.push_back(join(context.options.sysroot, name));
    }
    candidates.emplace_back(name);
  } else {
    // Relative to where the debug file really is: dwz writes "../../.dwz/…" on purpose.
    candidates.push_back(join(directory_of(real_path(debug.path())), name));
  }
  for (const std::string& root : debug_roots(context.options)) {
    candidates.push_back(root + build_id_path(link->build_id, ".debug"));
    candidates.push_back(join(root + "/.dwz", base_name(name)));
  }
  const auto take = [&](const std::string& path) {
    auto file = OpenedFile::open(path);
    if (!file.ok() || (*file)->build_id() != link->build_id) return false;
    found.file = std::move(*file);
    return true;
  };
  for (const std::string& path : candidates) {
    if (take(path)) return found;
  }
  if (const auto path = context.debuginfod.find(link->build_id, Debuginfod::Kind::kDebugInfo)) {
    if (take(*path)) return found;
  }
  found.notes.push_back(
      {fmt::format("{} refers to {} (dwz, build-id {}), which was not found: names "
                   "may be missing",
                   debug.path(), name, link->build_id.hex()),
       "install the whole debug package, or give it with --debug-dir"});
  return found;
}

}  // namespace inquest::process
