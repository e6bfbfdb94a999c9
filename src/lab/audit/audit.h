// audit(): every native module of a tree, or a program with its libraries, held against what will
// load it. The door of this room.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lab/audit/judge.h"
#include "process/packages/package.h"

namespace inquest::audit {

struct AuditOptions {
  std::string path;
  std::string node = "node";  // what loads .node files
  std::string python;         // empty: the one of the virtual environment, else python3
};

struct Entry {
  NativeModule module;
  std::optional<packages::Package> package;
  std::string skipped;  // why it is not loaded here; empty: it is, and was judged
  std::vector<Finding> findings;
};

struct Audit {
  std::vector<Loader> loaders;     // that were asked
  std::vector<Entry> entries;      // by path
  std::vector<std::string> notes;  // what could not be judged, and why
  bool has_problems() const;
};

// Errors: there is no such path.
Result<Audit> audit(const AuditOptions& options);

}  // namespace inquest::audit
