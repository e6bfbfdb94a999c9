// audit(): every native module of a tree, or a program with its libraries, held against what will
// load it. The door of this room.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lab/audit/judge.h"
#include "process/issues/known_issues.h"
#include "process/packages/package.h"

namespace inquest::audit {

struct AuditOptions {
  std::string path;
  std::string node;    // what loads .node files; empty: the Electron or Bun of the tree, else node
  std::string python;  // empty: the one of the virtual environment, else python3
};

struct Entry {
  NativeModule module;
  std::optional<packages::Package> package;
  std::string skipped;  // why it is not loaded here; empty: it is, and was judged
  std::vector<Finding> findings;
};

struct LoaderEntry {
  Loader loader;
  std::vector<Finding> findings;
};

struct Audit {
  std::vector<LoaderEntry> loaders;    // that were asked
  std::vector<Entry> entries;          // by path
  std::vector<PackageEntry> packages;  // of which more is wrong than one file
  std::vector<std::string> notes;      // what could not be judged, and why
  bool has_problems() const;
};

// What is wrong with the package of the entry; nullptr: nothing.
const PackageEntry* package_entry_of(const Audit& audit, const Entry& entry);

// Errors: there is no such path.
Result<Audit> audit(const AuditOptions& options, const issues::KnownIssues& known);

}  // namespace inquest::audit
