// KnownIssues: bugs that others have reported already, as patterns on facts. See
// docs/formats/known-issues.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "process/issues/party.h"
#include "process/issues/version_range.h"

namespace inquest::issues {

// All that is given must hold. Names may have "*" in them for any characters.
struct IssuePattern {
  std::string run_time;  // "node", "CPython", "bun"; empty: any
  VersionRange run_time_versions;
  std::string manager, package;  // with code on the crashing stack
  VersionRange package_versions;
  // Functions of the crashing thread, innermost first, others may lie between.
  std::vector<std::string> functions;
  // Likewise of a language that a run time executes: "FILE:FUNCTION", FILE by its last parts.
  std::vector<std::string> script_functions;
  std::string crash_module;             // file name of the module in which it crashed
  std::vector<std::string> on_stack;    // file names of modules with code on the crashing stack
  std::vector<std::string> loaded;      // file names of modules, each in the process
  std::vector<std::string> fault_kind;  // one of them (docs/signature.md): "segv-read-*"
  std::optional<uint64_t> address_from, address_to;  // of the refused access, both inclusive
  std::string message;                               // within the words that the process left

  bool is_empty() const;
};

// A package that is installed, on the stack of a crash or not.
struct PackageRange {
  std::string manager, name;
  VersionRange versions;
};

struct KnownIssue {
  std::string id, title;
  Party party = Party::kUnknown;
  std::string link;
  std::vector<std::string> more_links;
  std::string fixed;  // in which version, in words; empty: in none that is known
  // The version to go to: of the package when the pattern tells versions of one, else of the run
  // time. Of characters that need no quoting, and none of those that have the bug. May be empty.
  std::string fixed_version;
  std::string workaround;
  IssuePattern pattern;
  std::optional<PackageRange> installed;  // without which it does not happen
  bool always = false;                    // it crashes for whoever has these versions
  bool possible = false;                  // the pattern fits other bugs as well
  bool disabled = false;                  // takes one of the same id away
};

struct KnownIssues {
  std::string updated;  // a date
  std::vector<KnownIssue> issues;
  std::vector<std::string> notes;  // what was not understood, and left out

  // Those of `other` replace those of the same id.
  void add(KnownIssues other);
};

// kCorrupt when it is no such file; one issue that is not understood is left out with a note, since
// an unknown condition cannot be held against a crash.
Result<KnownIssues> read_known_issues(std::string_view json);

// All of the files, the later ones over the earlier. One that is not there is passed over, one that
// cannot be read is said in the notes.
KnownIssues read_known_issue_files(const std::vector<std::string>& files);

}  // namespace inquest::issues
