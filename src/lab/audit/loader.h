// Loader: the program that will load the modules: node, one that takes its place (Bun, Electron),
// or python; asked for its versions, and read for what it offers.
#pragma once

#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "lab/audit/libraries.h"

namespace inquest::audit {

struct Loader {
  enum class Kind : uint8_t { kNode, kPython } kind = Kind::kNode;
  std::string name;                   // for people: "Node.js", "Bun", "Electron", "Python"
  std::string run_time;               // as known issues call it: "node", "bun", "CPython"
  std::string path;                   // empty: its program is not there
  std::string version;                // "20.11.1", "3.11.2"
  std::string because;                // why it was taken; empty: nothing spoke for another
  int node_abi = 0;                   // NODE_MODULE_VERSION; 0: not known
  int node_api = 0;                   // highest version of Node-API; 0: not known
  std::vector<std::string> suffixes;  // of Python modules, in the order they are tried
  uint16_t machine = 0;
  LibC libc = LibC::kUnknown;
  std::optional<GlibcVersion> glibc;
  Exports exports;                         // of itself and its libraries; empty: not known
  std::unordered_set<std::string> loaded;  // names (DT_SONAME) that are there when it runs
  std::vector<std::string> files;          // names of its program and of what that loads
};

// Runs `program` (a path, or a name to be looked up in PATH) to ask for its versions. kNotFound
// when there is none; kUnavailable when it does not answer.
// ask_node: of Bun and Electron as well.
Result<Loader> ask_node(const std::string& program);
Result<Loader> ask_python(const std::string& program);

// The Electron of an npm package, by its files; it is not run. `directory`: of the package, which
// is `version`. Its program may be absent: then its functions are not known.
Loader read_electron(const std::string& directory, const std::string& version);

}  // namespace inquest::audit
