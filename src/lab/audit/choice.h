// Which of the files of a package the loader picks: packages carry binaries for many platforms, and
// those for others are no fault. Pure functions over names.
//
// Sources: node-gyp-build's resolution of prebuilds/, the folders of node-pre-gyp
// ("node-v115-linux-x64"), the names of napi-rs ("name.linux-x64-gnu.node"), process.platform and
// process.arch of Node.js; _imp.extension_suffixes() of CPython.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lab/audit/loader.h"
#include "process/packages/package.h"

namespace inquest::audit {

// What the names on a path say that a file is for; empty: nothing is said.
struct Target {
  std::string platform, arch, libc, runtime;  // "linux", "x64", "glibc", "electron"
  std::optional<int> abi;                     // NODE_MODULE_VERSION
  bool node_api = false;

  bool operator==(const Target&) const = default;
};
// `path`: from the package's own name on, "img/sharp-linux-x64/lib/sharp.node".
Target target_of(std::string_view path);

// Why a file for `target` is not for this machine and program; empty: it is.
std::string why_not_for(const Target& target, const Loader& loader);
std::string why_not_for(const packages::Package& package, const Loader& loader);

// Of files of one package that are all for this program: which is taken; the others are not.
// `paths`: in the package. Index of it, or nullopt when several are used side by side.
std::optional<size_t> first_choice(const std::vector<std::string>& paths);

// Of a Python module's file: the name that is imported and the suffix; nullopt when this
// interpreter does not import files of that name.
struct PythonName {
  std::string module, suffix;
};
std::optional<PythonName> python_name(std::string_view file,
                                      const std::vector<std::string>& suffixes);
// What another interpreter would import: "cpython-38-x86_64-linux-gnu"; empty: nothing is said.
std::string python_tag(std::string_view file);

// process.arch for a machine; empty: none that is known.
std::string_view node_arch(uint16_t machine);

}  // namespace inquest::audit
