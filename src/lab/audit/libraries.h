// Libraries: finds what a file needs as the loader would, and what all of it offers.
//
// The order is that of ld.so(8): DT_RPATH, DT_RUNPATH, the directories of /etc/ld.so.conf, the
// standard ones. LD_LIBRARY_PATH is left out: what is audited runs elsewhere and later.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "lab/audit/native_module.h"

namespace inquest::audit {

enum class LibC : uint8_t { kGlibc, kMusl, kUnknown };
std::string_view to_string(LibC libc);
// By the dynamic loader that a program names, or by the C library that a module needs.
LibC libc_of(const NativeModule& module);

using Exports = std::unordered_set<std::string>;

class Libraries {
 public:
  // `root`: what stands for "/" (for tests); `libc`: whose directories are searched.
  Libraries(std::string root, LibC libc);

  // The file that `needer` gets for the name, or nullopt. Only files for `machine` count.
  // `inherited`: directories of DT_RPATH of those that needed the needer.
  std::optional<std::string> find(const std::string& name, const NativeModule& needer,
                                  const std::vector<std::string>& inherited = {});

  // What is read of a library, once for all. nullptr when it cannot be read.
  const NativeModule* module(const std::string& path);
  const Exports& exports(const std::string& path);

 private:
  std::string root_;
  std::vector<std::string> directories_;
  std::map<std::string, std::unique_ptr<NativeModule>> modules_;
  std::map<std::string, Exports> exports_;
};

// What a file brings with it: all that it needs, and what that needs.
struct Closure {
  std::vector<std::string> files;    // without itself, in the order of the loader's search
  std::vector<std::string> missing;  // names that were not found
};
// Names in `loaded` are there already and are not looked for.
Closure closure_of(const NativeModule& module, const std::unordered_set<std::string>& loaded,
                   Libraries& libraries);

// The newest GLIBC_x.y that a C library has; nullopt when it is none of glibc.
struct GlibcVersion {
  int major = 0, minor = 0;
  auto operator<=>(const GlibcVersion&) const = default;
};
std::optional<GlibcVersion> parse_glibc_version(std::string_view version);  // "GLIBC_2.34"
std::optional<GlibcVersion> glibc_of(const std::string& libc_path);

// Directories that /etc/ld.so.conf names, files that it includes too.
std::vector<std::string> directories_of_ld_conf(const std::string& root);

}  // namespace inquest::audit
