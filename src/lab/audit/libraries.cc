#include "lab/audit/libraries.h"

#include <elf.h>
#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <deque>
#include <filesystem>

#include "base/words.h"
#include "platform/os/file.h"
#include "platform/os/mapped_file.h"

namespace inquest::audit {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxConf = 1 << 20, kMaxDirectories = 1024, kMaxFiles = 4096;
constexpr int kMaxIncludes = 8;  // deep

void read_conf(const std::string& root, const std::string& path, int depth,
               std::vector<std::string>& directories) {
  const auto text = os::read_text_file(path, kMaxConf);
  if (!text.ok() || depth > kMaxIncludes) return;
  std::string_view rest = *text;
  while (!rest.empty() && directories.size() < kMaxDirectories) {
    std::string_view line = take_line(rest);
    line = line.substr(0, line.find('#'));
    const std::string_view word = take_word(line);
    if (word.empty()) continue;
    if (word != "include") {
      directories.push_back(root + std::string(word));
      continue;
    }
    std::string pattern(take_word(line));
    if (!pattern.starts_with('/')) pattern.insert(0, "/etc/");
    glob_t found = {};
    if (::glob((root + pattern).c_str(), 0, nullptr, &found) == 0) {
      for (size_t i = 0; i < found.gl_pathc; ++i)
        read_conf(root, found.gl_pathv[i], depth + 1, directories);
    }
    ::globfree(&found);
  }
}

// $ORIGIN is where the file is; other variables (LIB, PLATFORM) name what ld.so knows alone.
std::string expand(std::string directory, const std::string& origin) {
  for (const std::string_view variable : {"${ORIGIN}", "$ORIGIN"}) {
    for (size_t at = directory.find(variable); at != std::string::npos;
         at = directory.find(variable, at + origin.size())) {
      directory.replace(at, variable.size(), origin);
    }
  }
  return directory;
}

std::string origin_of(const std::string& path) {
  std::error_code failure;
  const fs::path real = fs::weakly_canonical(path, failure);
  return (failure ? fs::path(path) : real).parent_path().string();
}

std::vector<std::string> standard_directories(const std::string& root, LibC libc) {
  std::vector<std::string> directories;
  if (libc == LibC::kMusl) {
    for (const char* standard : {"/lib", "/usr/local/lib", "/usr/lib"})
      directories.push_back(root + standard);
    return directories;
  }
  directories = directories_of_ld_conf(root);
  for (const char* standard : {"/lib64", "/usr/lib64", "/lib", "/usr/lib"})
    directories.push_back(root + standard);
  return directories;
}

}  // namespace

std::string_view to_string(LibC libc) {
  return libc == LibC::kGlibc ? "glibc" : libc == LibC::kMusl ? "musl" : "unknown";
}

LibC libc_of(const NativeModule& module) {
  if (module.interpreter.find("ld-musl") != std::string::npos) return LibC::kMusl;
  if (module.interpreter.find("ld-linux") != std::string::npos) return LibC::kGlibc;
  for (const std::string& name : module.needed) {
    if (name == "libc.so.6") return LibC::kGlibc;
    if (name.starts_with("libc.musl-") || name == "libc.so") return LibC::kMusl;
  }
  return LibC::kUnknown;
}

std::vector<std::string> directories_of_ld_conf(const std::string& root) {
  std::vector<std::string> directories;
  read_conf(root, root + "/etc/ld.so.conf", 0, directories);
  return directories;
}

Libraries::Libraries(std::string root, LibC libc)
    : root_(std::move(root)), directories_(standard_directories(root_, libc)) {}

const NativeModule* Libraries::module(const std::string& path) {
  const auto [entry, is_new] = modules_.try_emplace(path);
  if (is_new) {
    auto read = read_native_module(path);
    if (read.ok()) entry->second = std::make_unique<NativeModule>(std::move(*read));
  }
  return entry->second.get();
}

const Exports& Libraries::exports(const std::string& path) {
  const auto [entry, is_new] = exports_.try_emplace(path);
  if (is_new) {
    if (auto names = read_exports(path); names.ok())
      entry->second.insert(names->begin(), names->end());
  }
  return entry->second;
}

std::optional<std::string> Libraries::find(const std::string& name, const NativeModule& needer,
                                           const std::vector<std::string>& inherited) {
  const auto fits = [&](const std::string& path) {
    if (!os::is_regular_file(path)) return false;
    const NativeModule* found = module(path);
    return found != nullptr && found->format == Format::kElf && found->machine == needer.machine;
  };
  if (name.find('/') != std::string::npos) {
    const std::string path = expand(name, origin_of(needer.path));
    return fits(path) ? std::optional(path) : std::nullopt;
  }
  std::vector<std::string> directories;
  for (const std::string& directory : needer.search)
    directories.push_back(expand(directory, origin_of(needer.path)));
  // A file with DT_RUNPATH looks in no directory of those that need it.
  if (needer.search_is_inherited)
    directories.insert(directories.end(), inherited.begin(), inherited.end());
  directories.insert(directories.end(), directories_.begin(), directories_.end());
  for (const std::string& directory : directories) {
    std::string path = fmt::format("{}/{}", directory, name);
    if (fits(path)) return path;
  }
  return std::nullopt;
}

Closure closure_of(const NativeModule& module, const std::unordered_set<std::string>& loaded,
                   Libraries& libraries) {
  struct Waiting {
    const NativeModule* needer;
    std::vector<std::string> inherited;
  };
  Closure closure;
  std::unordered_set<std::string> seen = loaded;
  std::deque<Waiting> queue = {{&module, {}}};
  while (!queue.empty() && closure.files.size() < kMaxFiles) {
    const Waiting waiting = std::move(queue.front());
    queue.pop_front();
    std::vector<std::string> inherited = waiting.inherited;
    if (waiting.needer->search_is_inherited) {
      for (const std::string& directory : waiting.needer->search)
        inherited.push_back(expand(directory, origin_of(waiting.needer->path)));
    }
    for (const std::string& name : waiting.needer->needed) {
      if (!seen.insert(name).second) continue;
      const auto path = libraries.find(name, *waiting.needer, waiting.inherited);
      if (!path) {
        closure.missing.push_back(name);
        continue;
      }
      closure.files.push_back(*path);
      if (const NativeModule* found = libraries.module(*path)) queue.push_back({found, inherited});
    }
  }
  return closure;
}

std::optional<GlibcVersion> parse_glibc_version(std::string_view version) {
  constexpr std::string_view kPrefix = "GLIBC_";
  if (!version.starts_with(kPrefix)) return std::nullopt;
  version.remove_prefix(kPrefix.size());
  const auto major = take_number<int>(version);
  if (!major || !version.starts_with('.')) return std::nullopt;
  version.remove_prefix(1);
  const auto minor = take_number<int>(version);
  if (!minor) return std::nullopt;
  return GlibcVersion{*major, *minor};
}

std::optional<GlibcVersion> glibc_of(const std::string& libc_path) {
  const auto mapped = os::MappedFile::open(libc_path);
  if (!mapped.ok()) return std::nullopt;
  const auto file = elf::File::parse(mapped->bytes());
  if (!file.ok()) return std::nullopt;
  std::optional<GlibcVersion> newest;
  for (const std::string_view name : file->defined_versions()) {
    const auto version = parse_glibc_version(name);
    if (version && (!newest || *newest < *version)) newest = version;
  }
  return newest;
}

}  // namespace inquest::audit
