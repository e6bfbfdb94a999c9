// KnownIssues: bugs that others have reported already, as patterns on facts. See
// docs/formats/known-issues.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "diagnosis/facts/facts.h"
#include "diagnosis/known/party.h"
#include "diagnosis/known/version_range.h"

namespace inquest::diagnosis {

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

struct KnownIssue {
  std::string id, title;
  Party party = Party::kUnknown;
  std::string link;
  std::vector<std::string> more_links;
  std::string fixed;  // in which version; empty: in none that is known
  std::string workaround;
  IssuePattern pattern;
  bool possible = false;  // the pattern fits other bugs as well
  bool disabled = false;  // takes one of the same id away
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

// One that fits a crash.
struct KnownMatch {
  std::string id, title;
  Party party = Party::kUnknown;
  std::string link;
  std::vector<std::string> more_links;
  std::string fixed, workaround;
  std::vector<std::string> because;  // "frame_getback is on the stack", a sentence each
  // False: the pattern fits other bugs as well, or asks for versions that the evidence does not
  // tell.
  bool sure = true;
};

// In the order of the file, those that are sure first.
std::vector<KnownMatch> match(const KnownIssues& known, const Facts& facts);

// Is `text` `pattern`, in which "*" stands for any characters?
bool fits(std::string_view pattern, std::string_view text);

}  // namespace inquest::diagnosis
