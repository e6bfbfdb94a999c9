// Who is to blame, as far as the stack tells: the program's own code, a native add-on, the misuse
// of a run time's internals, or the run time itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "diagnosis/facts/facts.h"
#include "diagnosis/known/match.h"

namespace inquest::diagnosis {

struct Blame {
  Party party = Party::kUnknown;
  // "a native add-on: better_sqlite3.node of npm package better-sqlite3 9.4.0"; empty: nothing can
  // be said.
  std::string sentence;
  std::string module;  // path; empty: none
  std::optional<PackageFact> package;
};

// A known issue that surely fits decides; else the stack does.
Blame find_blame(const Facts& facts, const std::vector<KnownMatch>& known);

// "better_sqlite3.node of npm package better-sqlite3 9.4.0", or the file's name alone.
std::string module_words(const Facts& facts, const std::string& path);

}  // namespace inquest::diagnosis
